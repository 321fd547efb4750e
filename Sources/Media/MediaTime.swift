/// A point on a stream's timeline, or a length of it, in microseconds.
///
/// Microseconds hold RTMP's milliseconds exactly and a 90 kHz MPEG clock to within half a tick, so a value that came from either
/// goes back without drift. An `Int64` of them lasts 292,000 years: sums of wire values (at most 33 bits of ticks) cannot overflow.
public struct MediaTime: Sendable, Hashable, Comparable {
    public var microseconds: Int64

    @inlinable public init(microseconds: Int64) { self.microseconds = microseconds }
    @inlinable public init(milliseconds: Int64) { self.microseconds = milliseconds &* 1000 }

    /// `ticks` of a clock with `timescale` ticks a second, rounded to the nearest microsecond.
    @inlinable public init(ticks: Int64, timescale: UInt32) {
        self.microseconds = MediaTime.rescale(ticks, from: Int64(timescale), to: 1_000_000)
    }

    public static let zero = MediaTime(microseconds: 0)

    /// Rounded towards negative infinity, so that order is kept.
    @inlinable public var milliseconds: Int64 {
        let quotient = self.microseconds / 1000
        return self.microseconds < 0 && self.microseconds % 1000 != 0 ? quotient - 1 : quotient
    }
    @inlinable public var seconds: Double { Double(self.microseconds) / 1_000_000 }

    /// This time in ticks of a clock with `timescale` ticks a second, rounded to the nearest tick.
    @inlinable public func ticks(timescale: UInt32) -> Int64 {
        MediaTime.rescale(self.microseconds, from: 1_000_000, to: Int64(timescale))
    }

    @inlinable public static func < (left: MediaTime, right: MediaTime) -> Bool { left.microseconds < right.microseconds }
    @inlinable public static func + (left: MediaTime, right: MediaTime) -> MediaTime {
        MediaTime(microseconds: left.microseconds &+ right.microseconds)
    }
    @inlinable public static func - (left: MediaTime, right: MediaTime) -> MediaTime {
        MediaTime(microseconds: left.microseconds &- right.microseconds)
    }
    @inlinable public static func += (left: inout MediaTime, right: MediaTime) { left = left + right }

    /// `value * to / from`, rounded to nearest, halves away from zero. Whole and remaining seconds are scaled apart, so nothing overflows
    /// for any value within ±2^63 / max(from, to) seconds.
    @usableFromInline static func rescale(_ value: Int64, from: Int64, to: Int64) -> Int64 {
        guard from > 0 else { return 0 }
        let whole = value / from
        let rest = value % from
        let half = value < 0 ? -(from / 2) : from / 2
        return whole &* to &+ (rest &* to &+ half) / from
    }
}
