import AV
public import Logging
public import NIOCore
import Outputs
public import Store
public import Streams
import Synchronization

/// Everything that can be asked of broadcasts. Owned by the composition root; safe to use from any thread.
public final class BroadcastService: Sendable {
    public let configuration: Configuration
    /// The gates that publishers and viewers pass.
    public let lifecycle: BroadcastLifecycle
    public let clock: BroadcastClock
    let database: Database
    let streams: StreamDirectory
    let outputs: OutputFactory
    let sources: BroadcastSources
    let durations: ItemDurations
    let limits: ViewerLimitKeeper
    /// For clients who ask how long something is.
    let asked: ProbeLine
    /// For the new values of running sources.
    let switched: ProbeLine
    let logger: Logger
    let remover: VodRemover
    let pictures: VodPictureMaker
    let room: RecordingRoom
    let keeper: RetentionKeeper
    public let library: VodLibrary
    let ledger: RecordingLedger
    private let emit: @Sendable (BroadcastEvent) -> Void
    /// Recovers what a dead process was recording; cancelled by `shutdown`.
    private let recovery = Mutex<Task<Void, Never>?>(nil)
    /// Tries again what could not be recovered; cancelled by `shutdown`.
    private let retrying = Mutex<Task<Void, Never>?>(nil)
    /// Looks at how well publishers send; cancelled by `shutdown`.
    private let watching = Mutex<Task<Void, Never>?>(nil)
    /// Keeps the rules for recordings; cancelled by `shutdown`.
    private let keeping = Mutex<Task<Void, Never>?>(nil)

    /// `onEvent` is called from any thread and must not block.
    /// `viewerLimits` is filled here, and kept equal to what is stored. `freeBytes` tells how much room recordings have, and may block.
    public init(
        database: Database, streams: StreamDirectory, outputs: OutputFactory, sources: SourceFactory, configuration: Configuration,
        viewerLimits: ViewerLimits = ViewerLimits(), logger: Logger, clock: BroadcastClock = .system,
        freeBytes: (@Sendable () -> Int64?)? = nil, onEvent: @escaping @Sendable (BroadcastEvent) -> Void = { _ in }
    ) {
        let emit: @Sendable (BroadcastEvent) -> Void = { event in
            logger.info("event", metadata: ["action": "\(event.action)", "stream": "\(event.streamID)"])
            onEvent(event)
        }
        self.emit = emit
        self.database = database
        self.streams = streams
        self.outputs = outputs
        self.configuration = configuration
        self.logger = logger
        self.clock = clock
        self.library = VodLibrary(
            configuration: configuration.library, dataDirectory: configuration.dataDirectory, database: database, hls: outputs.hls, clock: clock,
            logger: logger)
        self.limits = ViewerLimitKeeper(table: database.broadcasts, limits: viewerLimits, logger: logger)
        self.remover = VodRemover(
            database: database, dataDirectory: configuration.dataDirectory, pictureDirectory: configuration.vodPictureDirectory, logger: logger,
            pool: self.library.disk)
        self.pictures = VodPictureMaker(
            database: database, folder: self.library.folder, directory: configuration.vodPictureDirectory,
            posterHeight: configuration.posterHeight, logger: logger)
        let level = DiskLevel(low: configuration.recordingLowSpace, sufficient: configuration.recordingSufficientSpace)
        self.room = RecordingRoom(level: level)
        self.ledger = RecordingLedger(
            database: database, dataDirectory: configuration.dataDirectory, clock: clock, logger: logger, emit: emit, room: self.room,
            posters: configuration.makesPosters ? self.pictures : nil)
        let streamsDirectory = configuration.dataDirectory + "/streams"
        self.keeper = RetentionKeeper(
            database: database, rules: configuration.retention.making(roomOf: level), room: self.room, remover: self.remover,
            freeBytes: freeBytes ?? { FreeSpace.bytes(at: streamsDirectory) }, clock: clock, logger: logger, emit: emit,
            pool: self.library.disk)
        let planner = PullPlanner(
            refusal: sources.refusal,
            library: { [apps = [configuration.app] + configuration.appAliases] in Self.libraryFile($0, apps: apps, in: database, logger: logger) },
            normalisesPlaylists: configuration.sources.normalisesPlaylists)
        let timeout = configuration.sources.probeTimeout
        self.asked = ProbeLine(most: 4, longest: 64, timeout: timeout, probe: sources.probe)
        self.switched = ProbeLine(most: 4, longest: 64, timeout: timeout, probe: sources.probe)
        self.durations = ItemDurations(
            database: database, planner: planner, line: ProbeLine(most: 2, longest: .max, timeout: timeout, probe: sources.probe), logger: logger)
        self.sources = BroadcastSources(
            environment: .init(
                database: database, streams: streams, outputs: outputs, factory: sources, planner: planner, settings: configuration.sources,
                clock: clock, logger: logger, emit: emit))
        let onViewer: @Sendable (String) -> Void = { [sources = self.sources] id in _ = sources.viewerArrived(id) }
        self.lifecycle = BroadcastLifecycle(
            environment: .init(
                database: database, streams: streams, outputs: outputs, configuration: configuration, clock: clock, logger: logger, emit: emit,
                ledger: self.ledger, room: self.room, limits: self.limits, mailbox: StreamMailbox(), onBackup: onViewer),
            onViewer: onViewer)
    }

    // MARK: Start and end

    /// Makes the rows agree with a process in which nothing runs yet, begins to observe the streams, pulls again what was wanted, and recovers
    /// broken-off recordings in the background. Once, before any gateway listens.
    public func start() async throws(BroadcastError) {
        var unfinished: [UnfinishedRecording]
        do {
            let reconciled = try await self.database.broadcasts.reconcile()
            if reconciled != .none {
                self.logger.notice(
                    "broadcasts of an earlier process put in order",
                    metadata: ["finished": "\(reconciled.finished)", "removed": "\(reconciled.zombis)"])
            }
            unfinished = try self.database.recordings.all()
        } catch {
            throw .store(error)
        }
        unfinished += await self.orphans(except: Set(unfinished.map(\.temporaryPath)))
        try await self.library.start()
        try await self.limits.fill()
        self.lifecycle.start()
        await self.sources.begin()
        try await self.sources.boot()
        let keeping = Task { [keeper = self.keeper] in await keeper.run() }
        self.keeping.withLock { $0 = keeping }
        let health = self.healthKeeper()
        let watching = Task { await health.run() }
        self.watching.withLock { $0 = watching }
        let (ledger, recover) = (self.ledger, self.outputs.recover)
        let retrying = Task { await ledger.recoverLeft(with: recover) }
        self.retrying.withLock { $0 = retrying }
        guard !unfinished.isEmpty else { return }
        let recovery = Task { [unfinished] in await ledger.recover(unfinished, with: recover) }
        self.recovery.withLock { $0 = recovery }
    }

    /// Recordings without a note, which have one from now on.
    private func orphans(except known: Set<String>) async -> [UnfinishedRecording] {
        let (directory, wall) = (self.configuration.dataDirectory + "/streams", self.clock.wall())
        var orphans: [UnfinishedRecording] = []
        do throws(BlockingPool.Refusal) {
            orphans = try await self.library.disk.run { OrphanedRecordings.find(below: directory, known: known, wall: wall) }
        } catch {
            self.logger.error("it was not looked for recordings without a note", metadata: ["error": "\(error)"])
        }
        for orphan in orphans {
            self.logger.notice("a recording without a note was found", metadata: ["file": "\(orphan.temporaryPath)", "vod": "\(orphan.vodID)"])
            await self.ledger.begin(orphan)
        }
        return orphans
    }

    /// Waits until the recordings of an earlier process are recovered.
    public func waitForRecovery() async { await self.recovery.withLock { $0 }?.value }

    /// Admits nobody any more, asks the publishers to leave and waits, at most so long, until recordings are finished and destinations closed.
    /// Whether all was. Gateways and outputs must still run meanwhile.
    @discardableResult
    public func shutdown(within limit: TimeAmount) async -> Bool {
        self.recovery.withLock { $0 }?.cancel()
        self.retrying.withLock { $0 }?.cancel()
        self.keeping.withLock { $0 }?.cancel()
        self.watching.withLock { $0 }?.cancel()
        self.durations.finish()
        await self.pictures.finish()
        self.library.close()
        await self.sources.beginShutdown()
        self.lifecycle.beginShutdown()
        let isEmpty = await self.lifecycle.waitUntilEmpty(within: limit)
        if !isEmpty { self.logger.warning("broadcasts still running at the end") }
        await self.sources.finish()
        await self.library.finish()
        await self.lifecycle.finish()
        return isEmpty
    }

    /// Whether the disk has room for recordings, and what was removed to keep the rules.
    public var storage: StorageStatus { self.room.status }

    // MARK: Looking

    public func find(_ id: String) throws(BroadcastError) -> BroadcastView? {
        try self.record(id).map { self.view($0) }
    }

    public func list(_ query: BroadcastQuery) throws(BroadcastError) -> [BroadcastView] {
        guard !(query.search ?? "").utf8.contains(0) else { return [] }
        return try stored { () throws(StoreError) in try self.database.broadcasts.list(query) }.map { self.view($0) }
    }

    public func count(search: String? = nil) throws(BroadcastError) -> Int {
        guard !(search ?? "").utf8.contains(0) else { return 0 }
        return try stored { () throws(StoreError) in try self.database.broadcasts.count(search: search) }
    }

    /// Broadcasts that are live now, pulled ones included.
    public func activeCount() -> Int { self.streams.live().count }

    /// A finished VoD by its id, by its path as the API shows it, or by that path in URLs: `/{app}/streams/…`.
    private static func libraryFile(_ name: String, apps: [String], in database: Database, logger: Logger) -> VodRecord? {
        guard !name.isEmpty, !name.utf8.contains(0) else { return nil }
        do {
            let vod = try VodLibrary.path(named: name, apps: apps).map { try database.vods.find(path: $0) } ?? database.vods.find(name)
            // There is no file yet, or there never was one.
            return vod?.filePath == nil ? nil : vod
        } catch {
            logger.error("vod not read", metadata: ["error": "\(error)"])
            return nil
        }
    }

    func record(_ id: String) throws(BroadcastError) -> BroadcastRecord? {
        guard StreamID.isValid(id) else { return nil }
        return try stored { () throws(StoreError) in try self.database.broadcasts.find(id) }
    }

    func view(_ record: BroadcastRecord) -> BroadcastView {
        let live = self.streams.find(StreamKey(record.id))?.snapshot(now: self.clock.now())
        let supervisor = self.lifecycle.supervisor(record.id)
        return BroadcastView(
            record: record, live: live, pull: self.sources.board.status(record.id), endpointStatuses: self.endpointViews(record, live: live),
            hlsViewers: live == nil ? 0 : max(0, self.outputs.hls.viewerCount(record.id)),
            dashViewers: live == nil ? 0 : max(0, self.outputs.hls.dashViewerCount(record.id)),
            droppedInEncoding: (supervisor?.ladder.droppedFrames ?? 0) + (supervisor?.drops.count ?? 0), now: self.clock.wall())
    }

    func healthKeeper() -> StreamHealthKeeper {
        StreamHealthKeeper(
            streams: self.streams, clock: self.clock,
            isBeyondLimits: { [weak self] snapshot in
                guard let self, let board = self.lifecycle.supervisor(snapshot.key.id)?.board, !board.isEmpty else { return false }
                do throws(BroadcastError) {
                    guard let record = try self.record(snapshot.key.id) else { return false }
                    return self.endpointViews(record, live: snapshot).values.contains { !$0.warnings.isEmpty }
                } catch {
                    // The store has said so in the log; without it nothing can be said of limits.
                    return false
                }
            },
            emit: self.emit)
    }

    /// Of those that run, by service id.
    private func endpointViews(_ record: BroadcastRecord, live: StreamSnapshot?) -> [String: EndpointView] {
        guard !record.endpoints.isEmpty, var views = self.lifecycle.supervisor(record.id)?.board.views, let live, live.isLive else {
            return self.lifecycle.supervisor(record.id)?.board.views ?? [:]
        }
        for endpoint in record.endpoints {
            guard views[endpoint.serviceID] != nil, let preset = PlatformPreset.of(url: endpoint.url) else { continue }
            let height = endpoint.resolutionHeight
            let rendition = height == 0 ? nil : self.streams.find(StreamKey(record.id, renditionHeight: height))
            let pushed = rendition?.snapshot(now: self.clock.now()) ?? live
            views[endpoint.serviceID]?.warnings = DestinationWarning.all(
                of: pushed, for: preset, hasSilence: endpoint.addsSilence ?? preset.needsSound)
        }
        return views
    }

    /// What a live broadcast can be watched as: the stream as published, then its renditions, tallest first. Empty when it is not live.
    public func streams(of id: String) throws(BroadcastError) -> [StreamSnapshot] {
        guard try self.record(id) != nil else { return [] }
        let keys = [StreamKey(id)] + self.outputs.renditions.renditions(of: id).map { $0.key(of: id) }
        let now = self.clock.now()
        let snapshots = keys.compactMap { self.streams.find($0)?.snapshot(now: now) }.filter(\.isLive)
        // Renditions that are coming to their end have no source any more.
        return snapshots.first?.key.renditionHeight == 0 ? snapshots : []
    }
}

/// Runs something that asks the store, and says its error in this room's terms.
func stored<Value>(_ body: () throws(StoreError) -> Value) throws(BroadcastError) -> Value {
    do { return try body() } catch { throw .store(error) }
}

func stored<Value: Sendable>(_ body: () async throws(StoreError) -> Value) async throws(BroadcastError) -> Value {
    do { return try await body() } catch { throw .store(error) }
}

extension BroadcastTable.Reconciliation {
    static let none = Self(zombis: 0, finished: 0)
}
