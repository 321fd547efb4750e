public import NIOCore

/// Names a track within its stream: 0 is the main video, 1 the main audio.
public struct TrackID: RawRepresentable, Sendable, Hashable {
    public let rawValue: UInt8
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let video = TrackID(rawValue: 0)
    public static let audio = TrackID(rawValue: 1)
    /// The main audio as it came, where `audio` was made of it because most outputs do not know its codec. For readers that ask for originals.
    public static let originalAudio = TrackID(rawValue: 2)
}

/// One access unit (video) or one packet (audio) in the one form every input is brought to.
///
/// `payload` holds: H.264 and HEVC as NAL units with 4-byte big-endian length prefixes and no parameter sets that the track's
/// configuration already has; AV1 as a temporal unit in low-overhead OBU form without temporal delimiters; VP8/VP9 frames; raw AAC
/// access units without ADTS; Opus and Vorbis packets; MP3 frames with their headers. The bytes are shared, never copied, between readers.
public struct EncodedFrame: Sendable {
    public var track: TrackID
    public var kind: MediaKind
    /// A decoder can start here. Every audio frame is one.
    public var isKeyframe: Bool
    /// When to decode. Never goes back within a track once the frame has passed the stream's `Timeline`.
    public var decodeTime: MediaTime
    /// Presentation minus decode time; may be negative on the wire (RTMP's composition time is a signed 24-bit number).
    public var compositionOffset: MediaTime
    public var payload: ByteBuffer

    @inlinable public init(
        track: TrackID, kind: MediaKind, isKeyframe: Bool, decodeTime: MediaTime, compositionOffset: MediaTime = .zero, payload: ByteBuffer
    ) {
        self.track = track
        self.kind = kind
        self.isKeyframe = isKeyframe
        self.decodeTime = decodeTime
        self.compositionOffset = compositionOffset
        self.payload = payload
    }

    @inlinable public var presentationTime: MediaTime { self.decodeTime + self.compositionOffset }
}
