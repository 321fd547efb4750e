import Glibc

/// Nanoseconds of the monotonic clock. All times in the generator are of this clock.
func monotonicNow() -> UInt64 { nanoseconds(of: CLOCK_MONOTONIC) }

/// Nanoseconds of any clock; 0 when there is no such clock.
func nanoseconds(of clock: clockid_t) -> UInt64 {
    var time = timespec()
    guard clock_gettime(clock, &time) == 0 else { return 0 }
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

extension UInt64 {
    /// Whole nanoseconds of a number of seconds.
    init(seconds: Double) { self = UInt64(seconds * 1_000_000_000) }
}
