import Store

/// Which recordings go: a value out of what there is, the rules and the time. Whoever carries it out asks again afterwards.
///
/// Always the oldest first. For want of room, the newest finished recording stays whatever the rules say; it goes by age alone.
struct RetentionPlan: Equatable {
    /// In the order in which they go.
    var removals: [RecordingStock.Entry] = []

    /// - Parameters:
    ///   - free: bytes of the disk; nil when nobody knows, and then the disk is no reason.
    ///   - now: milliseconds since 1970.
    init(_ stock: RecordingStock, free: Int64?, now: Int64, rules: RetentionRules) {
        var total = stock.totalBytes
        var free = free
        for entry in stock.oldest {
            let isOld = rules.maximumAge > 0 && now - entry.createdAt > rules.maximumAge
            let isTooMuch = rules.maximumBytes > 0 && total > rules.maximumBytes
            let isTight = rules.minimumFreeBytes > 0 && free.map { $0 < rules.minimumFreeBytes } ?? false
            // What follows is younger, and there is as much room for it as there is now.
            guard isOld || (isTooMuch || isTight) && entry.id != stock.newestID else { return }
            self.removals.append(entry)
            total -= max(0, entry.bytes)
            free = free.map { $0.addingReportingOverflow(max(0, entry.bytes)).partialValue }
        }
    }
}
