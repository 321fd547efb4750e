import Glibc

/// The time of day as XML Schema writes it.
enum WallTime {
    /// Milliseconds since 1970.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// UTC, e.g. `2024-02-29T23:59:59.123Z`; years 1970…9999.
    static func text(milliseconds: Int64) -> String {
        let bounded = min(max(milliseconds, 0), 253_402_300_799_999)
        var seconds = time_t(bounded / 1000)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let date = [Int(parts.tm_year) + 1900, Int(parts.tm_mon) + 1, Int(parts.tm_mday)].map { self.padded($0, 2) }.joined(separator: "-")
        let clock = [parts.tm_hour, parts.tm_min, parts.tm_sec].map { self.padded(Int($0), 2) }.joined(separator: ":")
        return "\(date)T\(clock).\(self.padded(Int(bounded % 1000), 3))Z"
    }

    private static func padded(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
