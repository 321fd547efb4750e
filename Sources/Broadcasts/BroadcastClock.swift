public import NIOCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// The two clocks the broadcasts go by, so that tests can turn them.
public struct BroadcastClock: Sendable {
    /// For intervals.
    public var now: @Sendable () -> NIODeadline
    /// Milliseconds since 1970, for what people read.
    public var wall: @Sendable () -> Int64

    public init(now: @escaping @Sendable () -> NIODeadline, wall: @escaping @Sendable () -> Int64) {
        self.now = now
        self.wall = wall
    }

    public static let system = BroadcastClock(
        now: { .now() },
        wall: {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
        })
}
