/// Whether there is room for recordings: a value that is told how much is free.
///
/// enough → (less than `low` free) → low → (at least `sufficient` free) → enough. What lies between the two changes nothing, so that a disk at the
/// brink does not go to and fro.
struct DiskLevel: Sendable, Equatable {
    enum Change: Sendable, Equatable {
        case ranLow(free: Int64)
        case recovered(free: Int64)
    }

    /// Bytes; 0: never low.
    let low: Int64
    /// Bytes, at least `low`.
    let sufficient: Int64
    private(set) var isLow = false

    /// `sufficient` of 0 is a quarter more than `low`.
    init(low: Int64, sufficient: Int64 = 0) {
        self.low = low
        self.sufficient = sufficient > 0 ? max(sufficient, low) : low.addingReportingOverflow(low / 4).partialValue
    }

    /// Nil when nothing has changed. A disk that says nothing changes nothing.
    mutating func measured(_ free: Int64?) -> Change? {
        guard let free else { return nil }
        if !self.isLow, free < self.low {
            self.isLow = true
            return .ranLow(free: free)
        }
        if self.isLow, free >= self.sufficient {
            self.isLow = false
            return .recovered(free: free)
        }
        return nil
    }
}
