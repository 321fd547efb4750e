/// One server in one scenario at one size in one round.
struct Measurement {
    var scenario: Options.Scenario
    var server: ServerKind
    /// Players or publishers.
    var size: Int
    var round: Int
    var values: [Metric: Double] = [:]
    /// What could not be measured or must not happen. Timings are never among them.
    var faults: [String] = []
}

/// The middle of some numbers; nil of none.
func median(_ values: [Double]) -> Double? { percentile(values, 50) }

/// The value below which so many percent of the others lie (nearest rank); nil of none.
func percentile(_ values: [Double], _ percent: Double) -> Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    if percent == 50, sorted.count % 2 == 0 { return (sorted[sorted.count / 2 - 1] + sorted[sorted.count / 2]) / 2 }
    let rank = Int((percent / 100 * Double(sorted.count)).rounded(.up)) - 1
    return sorted[max(0, min(sorted.count - 1, rank))]
}
