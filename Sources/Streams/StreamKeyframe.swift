public import Media

/// A picture that can be decoded by itself, and what it takes to do so.
public struct StreamKeyframe: Sendable {
    public let track: Track
    public let frame: EncodedFrame
    /// Of the publisher it came from.
    public let generation: UInt64
}
