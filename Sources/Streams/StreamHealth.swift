public import Media
public import NIOCore

/// How well a publisher sends, beside the rates that every snapshot has.
public struct StreamHealth: Sendable, Equatable {
    /// Bits per second over the last whole second, and the last sixty of them.
    public var bitrateOfLastSecond = 0
    public var bitrateOfLastMinute = 0
    /// By how much pictures are ahead of the sound that comes at the same moment (behind, when negative); nil unless both come. What a source sends
    /// in turns of some length is off by as much.
    public var skew: MediaTime?
    /// How often nothing came for `IngestMeter.gap` or longer, and for how long in all.
    public var gaps = 0
    public var gapTime = TimeAmount.zero
    /// Pictures are decoded in another order than they are shown (B-frames).
    public var hasReorderedPictures = false

    public init() {}
}
