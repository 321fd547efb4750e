import NIOCore

/// What removed files will give back, where the file system does not show it yet: somebody still reads them, or it takes its time. Without this,
/// more and more recordings would go for room that is on its way.
struct FreedSpace {
    /// How long it is waited for.
    static let patience = TimeAmount.seconds(30)

    private var expected: Int64 = 0
    /// Bytes that were free when the first of these files went.
    private var before: Int64 = 0
    private var until: NIODeadline?

    mutating func removed(_ bytes: Int64, free: Int64, now: NIODeadline) {
        if self.until.map({ now >= $0 }) ?? true {
            self.expected = 0
            self.before = free
            self.until = now + Self.patience
        }
        self.expected += bytes
    }

    /// Bytes that are still to come.
    func missing(free: Int64, now: NIODeadline) -> Int64 {
        guard let until = self.until, now < until else { return 0 }
        return max(0, self.expected - max(0, free - self.before))
    }
}
