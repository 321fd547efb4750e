import CFFmpeg
import Media

/// The packets of sound that is converted, as they came, for those who can use them: Vorbis.
///
/// They are held until what was made of them is there, and follow it: so they never tell a timeline of a jump, a gap or an end before the sound that
/// everybody gets does, and there are none where nothing could be made of them.
struct OriginalFeed {
    /// In packets; what is made of one comes a few packets later.
    private static let mostHeld = 1_024
    /// What is further from the converted sound is of another run of times.
    private static let nearby = MediaTime(milliseconds: 1_000)
    private static let longestExtradata = 1 << 24

    /// nil when new headers came that could not be read: until others come, nobody knows what the packets are.
    private(set) var track: Track?
    private let codec: Codec
    private var clock: PacketClock
    private var held: [EncodedFrame] = []
    /// The first of new headers, which came as packets; the others follow. A chain of Ogg streams, as a radio station's songs are.
    private var identification: [UInt8]?

    /// nil for sound that nobody could use as it is, or that does not say what it is.
    init?(_ stream: AVStream) {
        let parameters = stream.codecpar.pointee
        guard let codec = Codec(identifier: parameters.codec_id), codec.needsConversion,
            let track = StreamTrack.original(codec, StreamTrack.extradata(parameters, atMost: Self.longestExtradata))
        else { return nil }
        self.codec = codec
        self.track = track
        self.clock = PacketClock(numerator: stream.time_base.num, denominator: stream.time_base.den, usualStep: MediaTime(milliseconds: 20))
    }

    /// Holds the packet, or learns from it; appends what was held when something else follows. True when the track is another one from the next frame on.
    mutating func take(_ packet: borrowing Packet, slab: PayloadSlab, into frames: inout [EncodedFrame]) -> Bool {
        let time = self.clock.stamp(packet).decode
        var isAnother = false
        if packet.hasNewExtradata {
            self.held = []
            isAnother = self.adopt(StreamTrack.original(self.codec, packet.newExtradata))
        }
        let bytes = packet.bytes
        guard let first = bytes.first else { return isAnother }
        guard VorbisConfiguration.isSound(firstByte: first) else { return self.takeHeader(bytes, into: &frames) || isAnother }
        guard self.track != nil, self.identification == nil else { return isAnother }
        if self.held.count >= Self.mostHeld { self.held.removeFirst(Self.mostHeld / 2) }
        self.held.append(EncodedFrame(track: .originalAudio, kind: .audio, isKeyframe: true, decodeTime: time, payload: slab.copy(bytes)))
        return isAnother
    }

    /// Puts what is held between the frames from `start` on, which are what was made of it: each packet behind the one that it begins in.
    mutating func follow(_ frames: inout [EncodedFrame], from start: Int, each duration: MediaTime) {
        guard !self.held.isEmpty, start < frames.count else { return }
        let converted = frames[start...]
        frames.removeSubrange(start...)
        for frame in converted {
            frames.append(frame)
            self.release(before: frame.decodeTime + duration, after: frame.decodeTime - Self.nearby, into: &frames)
        }
    }

    /// The end of the input: the converted sound may end a little earlier than the packets, by what does not fill a frame.
    mutating func finish(behind frame: EncodedFrame?, into frames: inout [EncodedFrame]) {
        guard let frame else { return }
        self.release(before: frame.decodeTime + MediaTime(milliseconds: 100), after: frame.decodeTime - Self.nearby, into: &frames)
    }

    private mutating func release(before end: MediaTime, after start: MediaTime, into frames: inout [EncodedFrame]) {
        guard let last = self.held.lastIndex(where: { $0.decodeTime < end && $0.decodeTime > start }) else { return }
        frames += self.held[...last].filter { $0.decodeTime < end && $0.decodeTime > start }
        self.held.removeFirst(last + 1)
    }

    private mutating func takeHeader(_ bytes: UnsafeRawBufferPointer, into frames: inout [EncodedFrame]) -> Bool {
        switch VorbisConfiguration.header(firstByte: bytes[0]) {
        case .identification:
            // What is held is of the headers before.
            frames += self.held
            self.held = []
            self.identification = Array(bytes)
            return false
        case .setup:
            guard let identification = self.identification else { return false }
            self.identification = nil
            return self.adopt(StreamTrack.original(self.codec, identification: identification, setup: bytes))
        case .comment, nil:
            return false
        }
    }

    private mutating func adopt(_ track: Track?) -> Bool {
        defer { self.track = track }
        return track != self.track
    }
}
