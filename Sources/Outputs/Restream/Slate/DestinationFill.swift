public import NIOCore
public import Streams

/// What stands in for a stream that is away.
public struct DestinationFill: Sendable {
    /// After so long without a frame something else is sent.
    public var after: TimeAmount
    /// For how long at most, counted from the stream's end, or from its last frame while it is connected.
    public var limit: TimeAmount
    /// Nil: there is no slate.
    public var slate: SlateStudio?
    /// The stream to go on with, if there is one now; called on the event loop, a few times a second, and must not block. Comes before the slate.
    public var backup: @Sendable () -> Stream?
    /// The stream is away: called the same way and as often as long as that is so, for a backup that waits to be asked for.
    public var wanted: @Sendable () -> Void

    public init(
        after: TimeAmount = .seconds(2), limit: TimeAmount = .minutes(30), slate: SlateStudio? = nil,
        backup: @escaping @Sendable () -> Stream? = { nil }, wanted: @escaping @Sendable () -> Void = {}
    ) {
        self.wanted = wanted
        self.after = after
        self.limit = limit
        self.slate = slate
        self.backup = backup
    }
}
