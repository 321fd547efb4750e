import Glibc
import Synchronization

/// The value of the Date field (RFC 9110 §5.6.7), formatted once a second. One per event loop, so its lock is never contended.
public final class HTTPDateCache: Sendable {
    private struct State {
        var second: Int
        var text: String
    }

    private let state = Mutex(State(second: .min, text: ""))

    public init() {}

    /// For this second.
    public func now() -> String { self.text(at: Glibc.time(nil)) }

    /// `second` counts from 1970.
    func text(at second: Int) -> String {
        self.state.withLock { state in
            if state.second != second {
                state.second = second
                state.text = HTTPDate.format(second)
            }
            return state.text
        }
    }
}

/// IMF-fixdate (RFC 9110 §5.6.7), e.g. `Sun, 06 Nov 1994 08:49:37 GMT`.
public enum HTTPDate {
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// Seconds since 1970 to text.
    public static func format(_ second: Int) -> String {
        var second = second
        var parts = tm()
        gmtime_r(&second, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let day = self.days[Int(parts.tm_wday) % 7]
        let month = self.months[Int(parts.tm_mon) % 12]
        let clock = "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
        return "\(day), \(two(parts.tm_mday)) \(month) \(1900 + Int(parts.tm_year)) \(clock) GMT"
    }

    /// Text to seconds since 1970; nil when it is no IMF-fixdate. The two obsolete forms are not understood: a condition with such a date is ignored.
    public static func parse(_ text: String) -> Int? {
        let words = text.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: false)
        guard words.count == 6, words[5] == "GMT", words[0].count == 4, let day = Int32(words[1]), (1...31).contains(day),
            let month = self.months.firstIndex(of: String(words[2])), let year = Int32(words[3]), (1970...9999).contains(year)
        else { return nil }
        let clock = words[4].split(separator: ":").map { Int32($0) }
        guard clock.count == 3, let hour = clock[0], let minute = clock[1], let second = clock[2], (0...23).contains(hour),
            (0...59).contains(minute), (0...60).contains(second)
        else { return nil }
        var parts = tm()
        parts.tm_year = year - 1900
        parts.tm_mon = Int32(month)
        parts.tm_mday = day
        parts.tm_hour = hour
        parts.tm_min = minute
        parts.tm_sec = second
        return timegm(&parts)
    }
}
