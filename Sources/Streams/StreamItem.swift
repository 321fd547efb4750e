public import Media

/// What a reader of a stream takes out of its queue, in order.
public enum StreamItem: Sendable {
    /// The tracks that the following frames belong to. First item after attaching to a live stream, and again whenever the set of tracks or a
    /// configuration changes.
    case tracks([Track])
    case frame(EncodedFrame)
    /// The frames that follow come from another publisher or another encoder run. Their times continue; decoders must start afresh.
    case discontinuity
    /// The publisher has gone. A reader may stay: `tracks` follows when another one comes.
    case ended
}

/// Names a stream of frames: a broadcast and, for renditions, the height they were encoded to.
public struct StreamKey: Sendable, Hashable, CustomStringConvertible {
    /// The broadcast's id.
    public let id: String
    /// Pixels; 0 is the source as published.
    public let renditionHeight: Int

    public init(_ id: String, renditionHeight: Int = 0) {
        self.id = id
        self.renditionHeight = renditionHeight
    }

    public var description: String { self.renditionHeight == 0 ? self.id : "\(self.id)@\(self.renditionHeight)p" }
}
