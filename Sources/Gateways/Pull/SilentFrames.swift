import Media
import NIOCore

/// Silence in the codec of a track that was announced, for items that have no sound: readers then wait for nothing, and the sound of the next item
/// needs no new start.
struct SilentFrames: Sendable {
    private let payload: ByteBuffer
    private let track: TrackID
    private let samplesPerFrame: Int64
    private let sampleRate: UInt32
    private let start: MediaTime
    private var count: Int64 = 0

    /// From `start` on. Nil where the codec's silence is not known (AAC of more than two channels or with extensions).
    init?(track: Track, from start: MediaTime) {
        guard let format = track.audio, let rate = UInt32(exactly: format.sampleRate), rate > 0 else { return nil }
        guard let silence = Self.silence(of: track, format) else { return nil }
        self.payload = ByteBuffer(bytes: silence.bytes)
        self.samplesPerFrame = silence.samples
        self.sampleRate = silence.rate ?? rate
        self.track = track.id
        self.start = start
    }

    /// The next one, if it is decoded before `time`.
    mutating func next(before time: MediaTime) -> EncodedFrame? {
        let due = self.start + MediaTime(ticks: self.count * self.samplesPerFrame, timescale: self.sampleRate)
        guard due < time else { return nil }
        self.count += 1
        return EncodedFrame(track: self.track, kind: .audio, isKeyframe: true, decodeTime: due, payload: self.payload)
    }

    private static func silence(of track: Track, _ format: AudioFormat) -> (bytes: [UInt8], samples: Int64, rate: UInt32?)? {
        switch track.codec {
        case .aac:
            // AAC-LC: the five bits of the AudioSpecificConfig's object type are 2 (ISO/IEC 14496-3 §1.6.2.1).
            guard let first = track.configuration.first, first >> 3 == 2, format.samplesPerPacket ?? 1024 == 1024 else { return nil }
            switch format.channelCount {
            // One element with all sections empty, then ID_END (§4.4.2.1).
            case 1: return ([0x00, 0xc8, 0x00, 0x80, 0x23, 0x80], 1024, nil)
            case 2: return ([0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23, 0x80], 1024, nil)
            default: return nil
            }
        case .opus:
            // CELT, fullband, 20 ms, one frame of silence (RFC 6716 §3.1); its clock is always 48 kHz.
            guard format.channelCount <= 2 else { return nil }
            return ([format.channelCount == 2 ? 0xfc : 0xf8, 0xff, 0xfe], 960, 48_000)
        default:
            return nil
        }
    }
}
