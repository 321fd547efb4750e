/// What a track carries.
public enum MediaKind: UInt8, Sendable, Hashable {
    case video
    case audio
}

/// The codecs that pass through Martlet without being decoded.
public enum Codec: String, Sendable, Hashable, CaseIterable {
    case h264
    case hevc
    case av1
    case vp8
    case vp9
    case aac
    case opus
    case mp3
    case vorbis

    @inlinable public var kind: MediaKind {
        switch self {
        case .h264, .hevc, .av1, .vp8, .vp9: .video
        case .aac, .opus, .mp3, .vorbis: .audio
        }
    }

    /// Only some outputs know it. A stream carries another form of such sound for all of them, and the original beside it: `TrackID.originalAudio`.
    @inlinable public var needsConversion: Bool { self == .vorbis }
}
