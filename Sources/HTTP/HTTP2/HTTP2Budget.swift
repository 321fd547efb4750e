import NIOCore

/// How many frames that carry nothing a client may still send: a bucket that refills with time, full at first.
struct HTTP2Budget {
    private let burst: Int
    private let perSecond: Int
    private var left: Int
    private var filledAt: NIODeadline

    init(burst: Int, perSecond: Int, now: NIODeadline) {
        self.burst = burst
        self.perSecond = perSecond
        self.left = burst
        self.filledAt = now
    }

    /// False when it is used up. The clock is asked only when the bucket is empty.
    mutating func spend(_ amount: Int = 1, now: @autoclosure () -> NIODeadline) -> Bool {
        if self.left < amount { self.refill(now()) }
        guard self.left >= amount else { return false }
        self.left -= amount
        return true
    }

    private mutating func refill(_ now: NIODeadline) {
        let seconds = Double((now - self.filledAt).nanoseconds) / 1e9
        let earned = min(Double(self.burst), max(0, seconds * Double(self.perSecond)))
        // Less than one is not counted yet, and not lost either.
        guard earned >= 1 else { return }
        self.left = min(self.burst, self.left + Int(earned))
        self.filledAt = now
    }
}
