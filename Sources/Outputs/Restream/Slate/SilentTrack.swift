import Media
import NIOCore

/// Silence in the form of a stream's own sound, where that is AAC as it usually is, so that peers are told of no other sound; else as AAC of two
/// channels and 48 kHz. One per stand-in; a value without I/O.
struct SilentTrack {
    private static let lowComplexity: UInt8 = 2
    /// A single channel without any spectrum: tag 0, gain 0, a long window, no bands (ISO/IEC 14496-3 §4.4.2.1), then the end.
    private static let monoPacket = ByteBuffer(bytes: [0x00, 0x00, 0x00, 0x07])
    private static let samples: Int64 = 1_024

    let track: Track
    private let packet: ByteBuffer
    private let sampleRate: UInt32
    private var start = MediaTime.zero
    private var packets: Int64 = 0

    init(for sound: Track) {
        let channels = Self.plainChannels(of: sound)
        if let channels, let rate = sound.audio?.sampleRate, rate > 0 {
            self.track = sound
            self.packet = channels == 1 ? Self.monoPacket : SilentSound.packet
            self.sampleRate = UInt32(clamping: rate)
        } else {
            var track = SilentSound.track
            track.id = sound.id
            self.track = track
            self.packet = SilentSound.packet
            self.sampleRate = 48_000
        }
    }

    /// 1 or 2, when packets of the kind we have are right for the track.
    private static func plainChannels(of sound: Track) -> Int? {
        guard sound.codec == .aac, sound.configuration.count >= 2 else { return nil }
        do throws(MediaError) {
            let configuration = try AudioSpecificConfig(bytes: sound.configuration)
            guard configuration.objectType == Self.lowComplexity, configuration.samplesPerPacket == Int(Self.samples) else { return nil }
            // As it stands in the record: 0 leaves it to the packets what channels there are. An explicit rate, which is rare, moves it.
            let escape = sound.configuration[0] & 0x07 == 0x07 && sound.configuration[1] & 0x80 != 0
            let channels = Int(sound.configuration[1] >> 3 & 0x0F)
            return !escape && (1...2).contains(channels) ? channels : nil
        } catch {
            return nil
        }
    }

    var packetDuration: MediaTime { MediaTime(ticks: Self.samples, timescale: self.sampleRate) }

    /// The next packet is heard then.
    mutating func begin(at time: MediaTime) {
        self.start = time
        self.packets = 0
    }

    /// The next packet, if it ends by `time`.
    mutating func next(upTo time: MediaTime) -> EncodedFrame? {
        guard self.time(of: self.packets + 1) <= time else { return nil }
        let frame = EncodedFrame(
            track: self.track.id, kind: .audio, isKeyframe: true, decodeTime: self.time(of: self.packets), payload: self.packet)
        self.packets += 1
        return frame
    }

    /// Counted in samples, so that it does not drift.
    private func time(of packet: Int64) -> MediaTime { self.start + MediaTime(ticks: packet * Self.samples, timescale: self.sampleRate) }
}
