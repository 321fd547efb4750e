import Media

/// Numbers and dates as playlists want them, without locale and without Foundation.
enum DecimalFormat {
    /// Seconds with six decimals, e.g. `2.000000`. Negative values are written as zero.
    static func seconds(_ time: MediaTime) -> String {
        let value = max(0, time.microseconds)
        return "\(value / 1_000_000).\(self.padded(value % 1_000_000, to: 6))"
    }

    /// With three decimals, rounded to nearest, e.g. `29.970`.
    static func thousandths(_ value: Double) -> String {
        guard value.isFinite, value >= 0, value < 1_000_000 else { return "0.000" }
        let scaled = Int64((value * 1000).rounded())
        return "\(scaled / 1000).\(self.padded(scaled % 1000, to: 3))"
    }

    /// Milliseconds since 1970 as `2024-02-29T23:59:59.123Z` (ISO 8601, UTC).
    static func dateTime(milliseconds: Int64) -> String {
        let (days, time) = self.floorDivided(milliseconds, by: 86_400_000)
        // Days are counted from 1 March of year 0, so that the leap day is a year's last (proleptic Gregorian calendar).
        let (era, dayOfEra) = self.floorDivided(days + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let date = "\(self.padded(year, to: 4))-\(self.padded(month, to: 2))-\(self.padded(day, to: 2))"
        let clock = [time / 3_600_000, time / 60_000 % 60, time / 1000 % 60].map { self.padded($0, to: 2) }.joined(separator: ":")
        return "\(date)T\(clock).\(self.padded(time % 1000, to: 3))Z"
    }

    private static func floorDivided(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let remainder = value % divisor
        return remainder < 0 ? (value / divisor - 1, remainder + divisor) : (value / divisor, remainder)
    }

    private static func padded(_ value: Int64, to width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
