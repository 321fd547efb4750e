import CFFmpeg
import Media
import NIOCore

/// The packets of sound that is converted, as they came, for those who can use them: Vorbis.
///
/// They are held until what was made of them is there, and follow it: so they tell no timeline of a gap or an end before the sound that everybody
/// gets does, and there are none where nothing is made of them. An original that nothing can be made of, or whose new headers cannot be read, is
/// given up until headers come that can.
struct OriginalFeed {
    /// What is made of a packet comes a few packets later.
    private static let mostHeld = 1_024
    private static let mostHeldBytes = 1 << 20
    /// Encoders make a few kilobytes of 4,096 samples.
    private static let largestPacket = 1 << 16
    /// What is further behind the converted sound is of another run of times.
    private static let nearby = MediaTime(milliseconds: 250)
    private static let longestExtradata = 1 << 24

    /// nil when it was given up.
    private(set) var track: Track?
    private let codec: Codec
    private var clock: PacketClock
    /// Its own, so that packets which follow each other also lie so in memory.
    private let slab = PayloadSlab()
    private var held: [EncodedFrame] = []
    private var heldBytes = 0
    /// Of the newest frame that was made.
    private var newestConverted: MediaTime?
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

    /// Holds the packet, or learns from it; appends what was held when other headers follow. True when the track is another one from then on.
    mutating func take(_ packet: borrowing Packet, into frames: inout [EncodedFrame]) -> Bool {
        let time = self.clock.stamp(packet).decode
        var isAnother = false
        if packet.hasNewExtradata {
            self.drop()
            isAnother = self.adopt(StreamTrack.original(self.codec, packet.newExtradata(atMost: Self.longestExtradata)))
        }
        let bytes = packet.bytes
        guard let first = bytes.first, bytes.count <= Self.largestPacket else { return isAnother }
        guard VorbisConfiguration.isSound(firstByte: first) else { return self.takeHeader(bytes, into: &frames) || isAnother }
        if self.identification != nil {
            // The setup header is lost: nobody knows what this is.
            self.identification = nil
            return self.adopt(nil) || isAnother
        }
        guard self.track != nil else { return isAnother }
        guard self.held.count < Self.mostHeld, self.heldBytes + bytes.count <= Self.mostHeldBytes else {
            self.drop()
            return self.adopt(nil) || isAnother
        }
        self.heldBytes += bytes.count
        self.held.append(EncodedFrame(track: .originalAudio, kind: .audio, isKeyframe: true, decodeTime: time, payload: self.slab.copy(bytes)))
        return isAnother
    }

    /// Puts what is held between the frames from `start` on, which are what was made of it: each packet behind the one that it begins in.
    mutating func follow(_ frames: inout [EncodedFrame], from start: Int, each duration: MediaTime) {
        guard start < frames.count else { return }
        if frames.count == start + 1 { return self.release(behind: frames[start].decodeTime, duration, into: &frames) }
        let converted = Array(frames[start...])
        frames.removeSubrange(start...)
        for frame in converted {
            frames.append(frame)
            self.release(behind: frame.decodeTime, duration, into: &frames)
        }
    }

    /// Nothing more is made of it: the converted sound may end earlier than the packets, by what does not fill a frame.
    mutating func finish(into frames: inout [EncodedFrame]) {
        if let newest = self.newestConverted { self.release(behind: newest, MediaTime(milliseconds: 100), into: &frames) }
        self.drop()
    }

    private mutating func release(behind time: MediaTime, _ duration: MediaTime, into frames: inout [EncodedFrame]) {
        self.newestConverted = time
        let (start, end) = (time - Self.nearby, time + duration)
        guard let last = self.held.lastIndex(where: { $0.decodeTime < end && $0.decodeTime > start }) else { return }
        for frame in self.held[...last] {
            self.heldBytes -= frame.payload.readableBytes
            if frame.decodeTime < end && frame.decodeTime > start { frames.append(frame) }
        }
        self.held.removeFirst(last + 1)
    }

    private mutating func drop() {
        self.held = []
        self.heldBytes = 0
    }

    /// A packet with a header's first byte that is none is damaged, and left out.
    private mutating func takeHeader(_ bytes: UnsafeRawBufferPointer, into frames: inout [EncodedFrame]) -> Bool {
        switch VorbisConfiguration.header(bytes) {
        case .identification:
            self.finish(into: &frames)
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
