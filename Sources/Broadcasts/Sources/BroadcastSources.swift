import Gateways
import Logging
import NIOCore
import Store
import Streams

/// Keeps pulled what is wanted. Owned by `BroadcastService`.
///
/// A pull is `starting` while its wish is written down, then `running` until its session says `finished` or it is stopped. Whoever changes a
/// broadcast's row takes its turn for that; stopping a session waits for nobody. After each change `reread` makes what runs equal to what is stored,
/// without an await in between, so that the newest row is the one that counts.
actor BroadcastSources {
    enum Reason {
        /// Somebody asked for it.
        case asked
        /// A viewer came; it is not wanted for longer than there are any.
        case viewer
        /// It was wanted before the process ended, or always is: nothing has to be written down.
        case boot
    }

    struct Running {
        /// Tells a pull's events from those of an earlier one.
        let token: UInt64
        let session: any PullSession
        var plan: PullPlan
        let isPlaylist: Bool
        let startedAt: NIODeadline
        /// When somebody was last seen watching.
        var lastWatched: NIODeadline
        /// The item that the row says is played.
        var storedIndex: Int?
        /// Items that were told to have failed, and not played since: a list that loops does not tell of them in every round.
        var failing: Set<Int> = []
    }

    struct Environment: Sendable {
        let database: Database
        let streams: StreamDirectory
        let outputs: OutputFactory
        let factory: SourceFactory
        let planner: PullPlanner
        let settings: BroadcastService.Configuration.Sources
        let clock: BroadcastClock
        let logger: Logger
        let emit: @Sendable (BroadcastEvent) -> Void
    }

    let environment: Environment
    nonisolated let board = SourceBoard()
    nonisolated let demand = ViewerDemand()
    nonisolated let turns = Turns()
    nonisolated let news: SourceNews

    var running: [String: Running] = [:]
    private var starting: [String: UInt64] = [:]
    private var lastToken: UInt64 = 0
    private(set) var isEnding = false
    var schedule = PlaylistSchedule()
    var alarm = Alarm()
    /// Takes the pulls' news; ended by `finish()`.
    private var pump: Task<Void, Never>?

    init(environment: Environment) {
        self.environment = environment
        self.news = SourceNews()
    }

    var table: BroadcastTable { self.environment.database.broadcasts }

    // MARK: Beginning and end

    /// Begins to listen to its own pulls and to the streams. Once, before anything is started.
    func begin() {
        self.environment.streams.observe { [demand = self.demand] event in
            guard case .tracksKnown(let key, _, _) = event, key.renditionHeight == 0 else { return }
            demand.becameLive(key.id)
        }
        self.pump = Task { [weak self, news = self.news] in
            for await letter in news.letters { await self?.received(letter) }
        }
    }

    /// Stops all pulls and starts none any more. What is wanted stays so.
    func beginShutdown() {
        self.isEnding = true
        self.alarm.cancel()
        self.starting = [:]
        for id in Array(self.running.keys) { _ = self.take(id) }
        self.demand.finish()
    }

    /// Listens to nothing any more.
    func finish() async {
        self.news.close()
        await self.pump?.value
        self.pump = nil
    }

    // MARK: Starting

    /// Whether one more can be pulled.
    var hasRoom: Bool { !self.isEnding && self.running.count + self.starting.count < self.environment.settings.maximum }

    /// - Throws: as `BroadcastService.startPull`.
    func start(_ id: String, _ reason: Reason) async throws(BroadcastError) -> StartedOrStopped {
        await self.turns.take(id)
        defer { self.turns.pass(id) }
        guard let record = try self.record(id) else { throw .unknownBroadcast }
        let isPlaylist = record.type == .playlist
        // What runs has been found fit to run.
        guard self.running[id] == nil else { throw isPlaylist ? .playlistAlreadyRunning : .alreadyActive }
        _ = try self.environment.planner.plan(for: record)
        guard self.hasRoom else { throw .resourcesExhausted }
        self.lastToken += 1
        let token = self.lastToken
        self.starting[id] = token
        // Written down before the caller hears of it: what was answered survives a crash.
        do throws(BroadcastError) {
            try await self.noteStart(id, reason)
        } catch {
            if self.starting[id] == token { self.starting[id] = nil }
            throw error
        }
        // Stopped again while that was written.
        guard self.starting[id] == token else { return isPlaylist ? .playlist : .source }
        self.starting[id] = nil
        do throws(BroadcastError) {
            // What is stored by now counts. No await in between.
            guard let newest = try self.record(id) else { throw .unknownBroadcast }
            self.open(newest, try self.environment.planner.plan(for: newest))
        } catch {
            await self.noteStop(id)
            throw error
        }
        return isPlaylist ? .playlist : .source
    }

    private func noteStart(_ id: String, _ reason: Reason) async throws(BroadcastError) {
        let isWanted: Bool
        switch reason {
        case .asked: isWanted = true
        case .viewer: isWanted = false
        case .boot: return
        }
        let isKnown: Bool
        do { isKnown = try await self.table.sourceStarted(id, isWanted: isWanted, now: self.environment.clock.wall()) } catch { throw .store(error) }
        guard isKnown else { throw .unknownBroadcast }
    }

    /// Starts a pull in whose place none is.
    func open(_ record: BroadcastRecord, _ plan: PullPlan) {
        let id = record.id
        self.lastToken += 1
        let token = self.lastToken
        let session = self.environment.factory.start(plan) { [news = self.news] event in news.put(.init(id: id, token: token, event: event)) }
        let now = self.environment.clock.now()
        self.running[id] = Running(
            token: token, session: session, plan: plan, isPlaylist: record.type == .playlist, startedAt: now, lastWatched: now,
            storedIndex: record.playlist.currentIndex)
        self.board.set(id, session)
        self.demand.began(id)
        self.log(id, "pull started", ["type": "\(record.type.rawValue)", "items": "\(plan.items.count)"])
        self.rearm()
    }

    // MARK: Stopping

    /// Ends a pull at once and forgets that it was wanted. False when none was there.
    func stop(_ id: String) async throws(BroadcastError) -> Bool {
        var wasThere = self.take(id)
        await self.turns.take(id)
        defer { self.turns.pass(id) }
        // Somebody who had asked before may have started it in the meantime.
        if self.take(id) { wasThere = true }
        // Nothing to forget where nothing was wanted.
        guard let record = try self.record(id), wasThere || record.source.isWanted else { return wasThere }
        // A task of its own, that ends by itself: a caller who leaves meanwhile has asked for it all the same.
        let noted = Task { [table = self.table] () async -> StoreError? in
            do throws(StoreError) { try await table.sourceStopped(id) } catch { return error }
            return nil
        }
        if let error = await noted.value { throw .store(error) }
        return wasThere
    }

    /// Its broadcast is gone. Whether it was pulled.
    func removed(_ id: String) -> Bool {
        let wasThere = self.take(id)
        self.demand.set(id, startsWithViewers: false)
        self.schedule.remove(id)
        return wasThere
    }

    /// Takes a pull out and ends it; its later events are nobody's.
    private func take(_ id: String) -> Bool {
        let wasStarting = self.starting.removeValue(forKey: id) != nil
        guard let present = self.running.removeValue(forKey: id) else {
            // Else viewers would wait for it for ever.
            if wasStarting { self.demand.ended(id) }
            return wasStarting
        }
        self.board.set(id, nil)
        present.session.stop()
        self.demand.ended(id)
        self.log(id, "pull stopped")
        return true
    }

    // MARK: Words and rows

    func record(_ id: String) throws(BroadcastError) -> BroadcastRecord? {
        guard StreamID.isValid(id) else { return nil }
        return try stored { () throws(StoreError) in try self.table.find(id) }
    }

    func log(_ id: String, _ message: Logger.Message, _ metadata: Logger.Metadata = [:]) {
        self.environment.logger.info(message, metadata: metadata.merging(["stream": "\(id)"]) { old, _ in old })
    }

    func complain(_ id: String, _ message: Logger.Message, _ error: BroadcastError) {
        self.environment.logger.error(message, metadata: ["stream": "\(id)", "error": "\(error)"])
    }
}
