/// For threads that sleep until a frame is due: one waits, anyone wakes it. A signal that comes while nobody waits is kept, once.
public final class WakeSignal: Sendable {
    private let monitor = Monitor()
    // Every access is inside `monitor`.
    nonisolated(unsafe) private var isSignalled = false

    public init() {}

    public func signal() {
        self.monitor.lock()
        self.isSignalled = true
        self.monitor.signal()
        self.monitor.unlock()
    }

    /// Returns at `monotonicNanoseconds`, or at the signal when that comes earlier or has come already. For one thread at a time.
    public func wait(until monotonicNanoseconds: Int64) {
        self.monitor.lock()
        defer { self.monitor.unlock() }
        while !self.isSignalled, Interrupt.now() < monotonicNanoseconds { self.monitor.wait(until: monotonicNanoseconds) }
        self.isSignalled = false
    }

    /// Monotonic nanoseconds, as `wait` counts them.
    public static func now() -> Int64 { Interrupt.now() }
}
