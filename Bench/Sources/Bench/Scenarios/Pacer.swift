/// Does one thing so many times, evenly over a stretch of time.
final class Pacer: Timed {
    private(set) var done = 0
    private let count: Int
    private let interval: UInt64
    private let action: (Int) throws(LoadFailure) -> Void

    var isDone: Bool { self.done == self.count }

    init(count: Int, seconds: Double, loop: LoadLoop, action: @escaping (Int) throws(LoadFailure) -> Void) {
        self.count = count
        self.interval = UInt64(seconds: seconds / Double(max(1, count)))
        self.action = action
        if count > 0 { loop.schedule(self, at: monotonicNow()) }
    }

    func fire(now: UInt64, loop: LoadLoop) throws(LoadFailure) -> UInt64? {
        try self.action(self.done)
        self.done += 1
        return self.isDone ? nil : now + self.interval
    }
}
