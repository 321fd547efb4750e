import AV
import Logging
import NIOCore
import Store

/// Watches the disk, and removes recordings as the rules say, a few at a time, in the background. Owned by `BroadcastService`.
actor RetentionKeeper {
    /// How often it is looked whether there is something to do.
    private static let interval = Duration.seconds(1)
    /// Intervals between two measurements while there is room; while there is none, each.
    private static let measuringPeriod = 5
    /// Intervals between two passes, if nothing asks for one before.
    private static let passPeriod = 30
    /// Rows that are looked at in one step.
    static let batch = 32
    /// Recordings that could not be removed and are left alone for a while; with more of them nothing is removed.
    private static let mostStuck = 1_000
    private static let patience = TimeAmount.minutes(10)

    private let database: Database
    private let rules: RetentionRules
    private let room: RecordingRoom
    private let remover: VodRemover
    /// Bytes; blocks.
    private let freeBytes: @Sendable () -> Int64?
    private let clock: BroadcastClock
    private let logger: Logger
    private let emit: @Sendable (BroadcastEvent) -> Void
    private let pool: BlockingPool
    /// When each is tried again.
    private var stuck: [String: NIODeadline] = [:]
    private var freed = FreedSpace()
    private var intervals = 0

    init(
        database: Database, rules: RetentionRules, room: RecordingRoom, remover: VodRemover, freeBytes: @escaping @Sendable () -> Int64?,
        clock: BroadcastClock, logger: Logger, emit: @escaping @Sendable (BroadcastEvent) -> Void, pool: BlockingPool
    ) {
        self.database = database
        self.rules = rules
        self.room = room
        self.remover = remover
        self.freeBytes = freeBytes
        self.clock = clock
        self.logger = logger
        self.emit = emit
        self.pool = pool
    }

    /// Until it is cancelled.
    func run() async {
        while !Task.isCancelled {
            await self.tick()
            do { try await Task.sleep(for: Self.interval) } catch { return }
        }
    }

    func tick() async {
        defer { self.intervals += 1 }
        let isMeasured = self.room.takeMeasuringWish() || self.room.isLow || self.intervals % Self.measuringPeriod == 0
        if isMeasured { await self.measure() }
        let isTight = isMeasured && self.room.free.map { $0 < self.rules.minimumFreeBytes } ?? false
        if self.room.takePassWish() || isTight || self.intervals % Self.passPeriod == 0 { await self.pass() }
    }

    /// Looks at the disk now, and tells what has changed.
    func measure() async {
        let free: Int64?
        do throws(BlockingPool.Refusal) { free = try await self.pool.run(self.freeBytes) } catch { return }
        switch self.room.measured(free) {
        case .ranLow(let free):
            self.logger.warning("disk space runs low: recordings end and none starts", metadata: ["free": "\(free)"])
            self.emit(.diskSpaceLow(freeBytes: free))
        case .recovered(let free):
            self.logger.notice("there is room for recordings again", metadata: ["free": "\(free)"])
            self.emit(.diskSpaceRecovered(freeBytes: free))
        case nil:
            break
        }
    }

    /// Removes what must go, step by step, until nothing must. Each step looks anew, for others remove and finish recordings, too.
    func pass() async {
        guard self.rules.isOn else { return }
        let now = self.clock.now()
        self.stuck = self.stuck.filter { $0.value > now }
        while !Task.isCancelled, self.stuck.count < Self.mostStuck, let plan = await self.plan(), !plan.removals.isEmpty {
            let free = self.room.free
            var bytes: Int64 = 0
            for entry in plan.removals where !Task.isCancelled {
                if await self.remove(entry) { bytes += max(0, entry.bytes) }
            }
            if let free { self.freed.removed(bytes, free: free, now: self.clock.now()) }
            await self.measure()
        }
    }

    private func plan() async -> RetentionPlan? {
        let (database, stuck) = (self.database, Set(self.stuck.keys))
        do {
            // Adding up what there is may read many rows.
            let read: Result<RecordingStock, StoreError> = try await self.pool.run {
                Result { () throws(StoreError) in try database.vods.recordings(atMost: Self.batch, except: stuck) }
            }
            let now = self.clock.now()
            let free = self.room.free.map { $0.addingReportingOverflow(self.freed.missing(free: $0, now: now)).partialValue }
            return RetentionPlan(try read.get(), free: free, now: self.clock.wall(), rules: self.rules)
        } catch {
            self.logger.error("recordings not looked through", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Whether it is gone, by our hand.
    private func remove(_ entry: RecordingStock.Entry) async -> Bool {
        do throws(BroadcastError) {
            try await self.remover.remove(entry.id, outsider: .isKept)
            self.room.removed(entry.bytes)
            self.logger.notice("a recording was removed to keep the rules", metadata: ["vod": "\(entry.id)", "bytes": "\(entry.bytes)"])
            self.emit(.recordingExpired(streamID: entry.streamID ?? "", vodID: entry.id, fileName: entry.name ?? ""))
            return true
        } catch {
            // Somebody else was faster.
            if error == .unknownVod { return false }
            self.logger.error(
                "a recording could not be removed and is left alone for a while", metadata: ["vod": "\(entry.id)", "error": "\(error)"])
            self.stuck[entry.id] = self.clock.now() + Self.patience
            return false
        }
    }
}
