import Logging
import Store
import Synchronization

/// How many viewers each broadcast may have, in memory, because it is asked with every request of a viewer. Made by the composition root, which lets
/// live HLS ask it; what is stored is noted here by `ViewerLimitKeeper` and nobody else.
public final class ViewerLimits: Sendable {
    /// Of broadcasts that have a limit; there are few.
    private let entries = Mutex<[String: BroadcastRecord.Limits]>([:])

    public init() {}

    /// Negative is no limit, as it is for whom nobody knows. Quick, and calls nothing.
    public func hls(_ id: String) -> Int { self.entries.withLock { $0[id]?.hlsViewers ?? -1 } }
    /// The same of DASH.
    public func dash(_ id: String) -> Int { self.entries.withLock { $0[id]?.dashViewers ?? -1 } }

    func set(_ id: String, _ limits: BroadcastRecord.Limits?) {
        self.entries.withLock { $0[id] = limits.flatMap { $0.hasViewerLimit ? $0 : nil } }
    }
}

/// Keeps the limits equal to the rows. Rows are read one after the other, each after it was written: what is noted last is what was written last,
/// however many change the same broadcast at once.
actor ViewerLimitKeeper {
    private let table: BroadcastTable
    private let limits: ViewerLimits
    private let logger: Logger

    init(table: BroadcastTable, limits: ViewerLimits, logger: Logger) {
        self.table = table
        self.limits = limits
        self.logger = logger
    }

    /// Notes those of all broadcasts. Once, before anybody watches.
    func fill() throws(BroadcastError) {
        let all = try stored { () throws(StoreError) in try self.table.viewerLimits() }
        for (id, limits) in all { self.limits.set(id, limits) }
    }

    /// The row was changed or removed.
    func reread(_ id: String) {
        do {
            self.limits.set(id, try self.table.find(id)?.limits)
        } catch {
            // The old limit stays; the change itself is stored and is taken up at the next one, or at the next start.
            self.logger.error("viewer limits not read", metadata: ["stream": "\(id)", "error": "\(error)"])
        }
    }
}

extension BroadcastRecord.Limits {
    /// Over HLS or DASH.
    var hasViewerLimit: Bool { self.hlsViewers >= 0 || self.dashViewers >= 0 }
}
