import NIOCore

/// How many players one event loop serves, over all streams, and how long their sends may therefore be put off. Confined to its loop.
final class LoopLoad {
    /// Up to so many players every frame goes out at once.
    private static let unhurried = 32
    /// From so many on, the whole window is used.
    private static let busy = 128

    private let mergeWindow: TimeAmount
    var players = 0
    /// Media given to players since it was last added to the gateway's counter: one atomic addition a second instead of one a send.
    var sentBytes: UInt64 = 0

    init(mergeWindow: TimeAmount) {
        self.mergeWindow = mergeWindow
    }

    /// Zero: send per frame.
    var window: TimeAmount {
        guard self.players > Self.unhurried else { return .zero }
        let share = min(self.players - Self.unhurried, Self.busy - Self.unhurried)
        return .nanoseconds(self.mergeWindow.nanoseconds * Int64(share) / Int64(Self.busy - Self.unhurried))
    }
}
