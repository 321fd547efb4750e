/// How many bytes may be handed to libsrt by now. What comes as it is published leaves at once, a large keyframe included; what has gathered before that
/// (for a viewer who joins, or who was behind) leaves at twice the stream's rate. libsrt itself would send it as fast as the device takes it, and
/// the first queue on a real way would overflow. A value without a clock.
public struct SRTPace: Sendable {
    private static let factor = 2
    /// Bytes a second. Whatever the stream's rate, so much may pass.
    private static let leastRate = 128 << 10
    private static let mostRate = 1 << 30
    /// What is not used up is saved for so long: longer than a keyframe takes at the stream's rate.
    private static let mostSaved: UInt64 = 500_000_000
    /// Whoever begins has as much as gathers in this time: a keyframe, as a rule.
    private static let atFirst: UInt64 = 250_000_000

    private var credit = 0
    private var last: UInt64?

    public init() {}

    /// Bytes that may leave now; 0 or less: not yet.
    /// - Parameters:
    ///   - now: nanoseconds of any clock that only goes forward.
    ///   - rate: of the stream, bytes per second.
    public mutating func allowance(now: UInt64, rate: Int) -> Int {
        let rate = UInt64(min(max(rate, Self.leastRate), Self.mostRate))
        let elapsed = self.last.map { now > $0 ? min(now - $0, Self.mostSaved) : 0 } ?? Self.atFirst / UInt64(Self.factor)
        self.last = now
        let gained = Int(elapsed * rate / 1_000_000_000) * Self.factor
        self.credit = min(self.credit + gained, Int(Self.mostSaved * rate / 1_000_000_000))
        return self.credit
    }

    public mutating func sent(bytes: Int) { self.credit -= bytes }
}
