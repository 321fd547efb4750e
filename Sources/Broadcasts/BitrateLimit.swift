/// Notices a publisher that stays above a bit rate. Asked once a second; one burst does not count.
struct BitrateLimit: Sendable {
    /// Bits per second, 0 for no limit.
    let limit: Int
    /// Seconds in a row above the limit until it counts.
    static let patience = 5
    private var above = 0

    init(_ limit: Int) { self.limit = limit }

    /// Whether the publisher must go, after another second at this bit rate.
    mutating func isExceeded(by bitrate: Int) -> Bool {
        guard self.limit > 0, bitrate > self.limit else {
            self.above = 0
            return false
        }
        self.above += 1
        return self.above >= Self.patience
    }
}
