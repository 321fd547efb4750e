public import NIOCore

/// What is counted (bytes, frames) per second, over a sliding window of whole seconds. Time is an argument. Counting allocates nothing.
public struct RateMeter: Sendable {
    private var slots: [(second: Int64, count: Int)]
    /// The second that counting began with; nil before.
    private var first: Int64?

    /// - Parameter seconds: the length of the window, 1 and up.
    public init(seconds: Int) {
        self.slots = Array(repeating: (-1, 0), count: max(1, seconds) + 1)
    }

    public mutating func count(_ amount: Int, now: NIODeadline) {
        let second = Self.second(now)
        if self.first == nil { self.first = second }
        let slot = Int(second % Int64(self.slots.count))
        if self.slots[slot].second != second { self.slots[slot] = (second, 0) }
        self.slots[slot].count += amount
    }

    /// Over the last whole seconds of the window, fewer where there have not been so many; what the running second has, in the first one.
    public func perSecond(now: NIODeadline) -> Int { self.perSecond(over: self.slots.count - 1, now: now) }

    /// The same over the last `seconds` of them.
    public func perSecond(over seconds: Int, now: NIODeadline) -> Int {
        guard let first = self.first else { return 0 }
        let current = Self.second(now)
        guard current > first else { return self.slots.reduce(0) { $1.second == current ? $0 + $1.count : $0 } }
        let oldest = max(first, current - Int64(min(seconds, self.slots.count - 1)))
        let sum = self.slots.reduce(0) { $1.second >= oldest && $1.second < current ? $0 + $1.count : $0 }
        return sum / Int(current - oldest)
    }

    private static func second(_ now: NIODeadline) -> Int64 { Int64(now.uptimeNanoseconds / 1_000_000_000) }
}
