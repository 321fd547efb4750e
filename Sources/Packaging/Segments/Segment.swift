public import Media
public import NIOCore

/// What a player must read before any segment of its version.
public struct InitSegment: Sendable {
    public let version: Int
    public let tracks: [Track]
    public let bytes: ByteBuffer
}

/// A stretch of a segment that can be fetched alone: one `moof` and `mdat` (RFC 8216bis §4.4.4.9).
public struct Part: Sendable {
    public let segmentNumber: UInt64
    /// From 0 within its segment.
    public let index: Int
    /// Presentation time of its segment's beginning.
    public let segmentStart: MediaTime
    public let start: MediaTime
    public let duration: MediaTime
    /// It begins at a keyframe.
    public let isIndependent: Bool
    /// As its segment's will be.
    public let isDiscontinuity: Bool
    /// As its segment's will be.
    public let initVersion: Int
    public let bytes: ByteBuffer
}

/// A whole segment: the concatenation of its parts.
public struct Segment: Sendable {
    public let number: UInt64
    /// Presentation time of its beginning on the stream's timeline.
    public let start: MediaTime
    /// Until the beginning of the next one; never longer than the segmenter's maximum.
    public let duration: MediaTime
    /// It can be decoded without the segments before it.
    public let isIndependent: Bool
    /// What it holds does not follow from the segment before it.
    public let isDiscontinuity: Bool
    /// Which `InitSegment` it needs.
    public let initVersion: Int
    /// Exactly one when no part duration is configured.
    public let parts: [Part]

    /// The concatenation of the parts' bytes.
    public let bytes: ByteBuffer

    public var byteCount: Int { self.bytes.readableBytes }
}
