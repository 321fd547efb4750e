import Media

/// The codec names of enhanced RTMP (Enhanced RTMP v2, "Defining Additional Video/Audio Codecs").
struct FourCC: RawRepresentable, Hashable, Sendable {
    let rawValue: UInt32

    static var avc1: Self { Self(rawValue: 0x6176_6331) }
    static var hvc1: Self { Self(rawValue: 0x6876_6331) }
    static var av01: Self { Self(rawValue: 0x6176_3031) }
    static var vp09: Self { Self(rawValue: 0x7670_3039) }
    static var vp08: Self { Self(rawValue: 0x7670_3038) }
    static var opus: Self { Self(rawValue: 0x4F70_7573) }
    static var mp4a: Self { Self(rawValue: 0x6D70_3461) }
    static var mp3: Self { Self(rawValue: 0x2E6D_7033) }

    var codec: Codec? {
        switch self {
        case .avc1: .h264
        case .hvc1: .hevc
        case .av01: .av1
        case .vp09: .vp9
        case .vp08: .vp8
        case .opus: .opus
        case .mp4a: .aac
        case .mp3: .mp3
        default: nil
        }
    }

    init(rawValue: UInt32) { self.rawValue = rawValue }

    /// nil for a codec that RTMP has no name for.
    init?(_ codec: Codec) {
        switch codec {
        case .h264: self = .avc1
        case .hevc: self = .hvc1
        case .av1: self = .av01
        case .vp9: self = .vp09
        case .vp8: self = .vp08
        case .opus: self = .opus
        case .aac: self = .mp4a
        case .mp3: self = .mp3
        case .vorbis: return nil
        }
    }

    var text: String {
        String(decoding: [24, 16, 8, 0].map { (shift: UInt32) in UInt8(truncatingIfNeeded: self.rawValue >> shift) }, as: UTF8.self)
    }
}
