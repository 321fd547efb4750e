import CFFmpeg
import Media
import NIOCore

/// The audio stream that is passed through: AAC, Opus or MP3.
struct AudioFeed {
    let index: Int
    let codec: Codec
    /// nil until the bitstream has told.
    private(set) var track: Track? {
        didSet {
            guard self.track != oldValue else { return }
            self.hasNewTrack = true
            // What lies between packets that share one time, as in a transport stream. FFmpeg only says it of streams that it has looked at for long.
            guard let audio = self.track?.audio, let samples = audio.samplesPerPacket, audio.sampleRate > 0 else { return }
            self.clock.usualStep = MediaTime(ticks: Int64(samples), timescale: UInt32(clamping: audio.sampleRate))
        }
    }
    /// Set by the packet in hand.
    private var hasNewTrack = false
    /// Packets that could not be used.
    private(set) var skipped = 0
    private(set) var damagedInARow = 0
    /// AAC whose packets bring their own header.
    private let hasADTS: Bool
    /// The bits that say what the sound is, of the newest self-describing header.
    private var header: UInt32 = 0
    private var clock: PacketClock

    init(index: Int, codec: Codec, stream: AVStream) {
        self.index = index
        self.codec = codec
        self.track = StreamTrack.audio(codec, stream.codecpar.pointee)
        self.hasADTS = codec == .aac && self.track == nil
        self.clock = PacketClock(numerator: stream.time_base.num, denominator: stream.time_base.den, usualStep: MediaTime(milliseconds: 20))
    }

    /// Appends the packet's frames; true when the track is another one from them on.
    mutating func take(_ packet: borrowing Packet, slab: PayloadSlab, into frames: inout [EncodedFrame]) -> Bool {
        let time = self.clock.stamp(packet).decode
        self.hasNewTrack = false
        if packet.hasNewExtradata, !self.hasADTS { self.adopt(packet.newExtradata()) }
        do throws(MediaError) {
            let bytes = packet.bytes
            if bytes.isEmpty { return false }
            if self.hasADTS {
                try self.takeADTS(bytes, at: time, slab: slab, into: &frames)
            } else {
                if self.codec == .mp3 { try self.readMP3Header(bytes) }
                if self.track != nil { frames.append(Self.frame(slab.copy(bytes), at: time)) } else { self.skipped += 1 }
            }
            self.damagedInARow = 0
        } catch {
            self.skipped += 1
            self.damagedInARow += 1
        }
        return self.hasNewTrack
    }

    /// ISO/IEC 14496-3 §1.A.2.2. A packet is one frame, but for peers that put several in one.
    private mutating func takeADTS(
        _ bytes: UnsafeRawBufferPointer, at time: MediaTime, slab: PayloadSlab, into frames: inout [EncodedFrame]
    ) throws(MediaError) {
        var rest = bytes
        var time = time
        while rest.count >= 7 {
            // All of the fixed header but the private and copyright bits.
            let header = (UInt32(rest[0]) << 24 | UInt32(rest[1]) << 16 | UInt32(rest[2]) << 8 | UInt32(rest[3])) & 0xFFFF_FDC0
            if header != self.header {
                let parsed = try ADTSHeader(ByteBuffer(bytes: rest.prefix(9)))
                self.track = try Track(id: .audio, codec: .aac, configuration: parsed.configuration)
                self.header = header
            }
            let headerLength = rest[1] & 1 == 1 ? 7 : 9
            let length = Int(rest[3] & 3) << 11 | Int(rest[4]) << 3 | Int(rest[5] >> 5)
            guard length > headerLength, length <= rest.count else { throw .truncated }
            frames.append(Self.frame(slab.copy(UnsafeRawBufferPointer(rebasing: rest[headerLength..<length])), at: time))
            rest = UnsafeRawBufferPointer(rebasing: rest[length...])
            time += MediaTime(ticks: 1024, timescale: UInt32(clamping: self.track?.audio?.sampleRate ?? 48_000))
        }
        if rest.count > 0 { throw .truncated }
    }

    private mutating func readMP3Header(_ bytes: UnsafeRawBufferPointer) throws(MediaError) {
        guard bytes.count >= 4 else { throw .truncated }
        // Version, layer, sampling frequency and mode: what does not change from frame to frame.
        let header = (UInt32(bytes[0]) << 24 | UInt32(bytes[1]) << 16 | UInt32(bytes[2]) << 8 | UInt32(bytes[3])) & 0xFFFE_0CC0
        guard header != self.header else { return }
        self.track = try Track(id: .audio, mp3Frame: bytes.prefix(4))
        self.header = header
    }

    private mutating func adopt(_ configuration: [UInt8]) {
        guard let track = self.track, !configuration.isEmpty, configuration != track.configuration else { return }
        do throws(MediaError) {
            self.track = try Track(id: .audio, codec: self.codec, configuration: configuration)
        } catch {
            self.skipped += 1
        }
    }

    static func frame(_ payload: ByteBuffer, at time: MediaTime) -> EncodedFrame {
        EncodedFrame(track: .audio, kind: .audio, isKeyframe: true, decodeTime: time, payload: payload)
    }
}
