import NIOCore

/// When to tell how far long work is: not at all of what is done in a moment, and not more often than somebody looks.
struct ProgressPace {
    static let interval = TimeAmount.seconds(2)

    private var next: NIODeadline

    /// - Parameter now: when the work begins.
    init(now: NIODeadline) { self.next = now + Self.interval }

    mutating func isDue(_ now: NIODeadline) -> Bool {
        guard now >= self.next else { return false }
        self.next = now + Self.interval
        return true
    }
}
