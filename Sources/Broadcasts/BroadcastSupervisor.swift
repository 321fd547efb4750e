import Logging
import Media
import NIOCore
import Outputs
import Store
import Streams

/// Keeps running what must run while one broadcast is live, and ends it when the stream ends: the one path for both. Kept by the lifecycle from the
/// first publish until the last output has come to its end; a later publish meanwhile is served by the same one.
///
/// idle → (published) → gathering → (tracks known) → live → (ended) → idle. A publisher that is replaced by another goes from live to gathering,
/// and its outputs stay.
actor BroadcastSupervisor {
    enum Phase: Equatable {
        case idle
        case gathering(UInt64)
        case live(UInt64)

        var generation: UInt64? {
            switch self {
            case .idle: nil
            case .gathering(let generation), .live(let generation): generation
            }
        }
    }

    struct ActiveRecording {
        let session: any RecordingSession
        let vodID: String
        let startedAt: Int64
        /// As a client has named it.
        let fileName: String?
        let began: NIODeadline
    }

    /// What all supervisors share.
    struct Environment: Sendable {
        let database: Database
        let streams: StreamDirectory
        let outputs: OutputFactory
        let configuration: BroadcastService.Configuration
        let clock: BroadcastClock
        let logger: Logger
        let emit: @Sendable (BroadcastEvent) -> Void
        let ledger: RecordingLedger
        let room: RecordingRoom
        let limits: ViewerLimitKeeper
        let mailbox: StreamMailbox
        /// A broadcast is to stand in for another: one that is pulled when somebody watches is watched. Must not block.
        let onBackup: @Sendable (String) -> Void
    }

    let id: String
    let environment: Environment
    nonisolated let board = EndpointBoard()
    nonisolated let ladder = LadderSlot()
    nonisolated let drops = RecordingDrops()
    nonisolated let backup = BackupSlot()

    var phase = Phase.idle
    /// Late events of an older publisher are told by it.
    private var newestGeneration: UInt64 = 0
    /// Held while anything runs, so that the hub keeps it.
    var stream: Stream?
    /// Those that can be stopped; those that are being finished are only counted.
    var recordings: [RecordingKey: ActiveRecording] = [:]
    /// How long it was last waited until one that had broken off began anew.
    var recordingPauses: [RecordingKey: TimeAmount] = [:]
    /// Those that are being waited for.
    var brokenRecordings: Set<RecordingKey> = []
    /// Outputs that are not at their end: recordings until their files are finished, destinations until they are closed, renditions until the last is.
    var open = 0
    private var source: PublishSource?
    /// The start was told of, so that the end must be: once each, however often the publisher is replaced in between.
    private var isAnnounced = false
    /// The publisher's final numbers.
    private var newest: StreamSnapshot?
    private var limit: BitrateLimit
    /// Waits for a publisher to come back; cancelled when one has, and when nobody waits any more.
    var holding: Task<Void, Never>?
    /// What is being waited for; of worth while `holding`.
    var currentHold: Hold?
    /// Somebody wants the current publish to end: its destinations are not held.
    var isLetGo = false
    /// Cancelled when the stream ends.
    private var watch: Task<Void, Never>?

    init(id: String, environment: Environment) {
        self.id = id
        self.environment = environment
        self.limit = BitrateLimit(environment.configuration.maxBitrate)
    }

    nonisolated var key: StreamKey { StreamKey(self.id) }

    /// Nothing runs and nothing is on its way to its end.
    var isIdle: Bool { self.phase == .idle && self.open == 0 }

    // MARK: Events

    func received(_ event: StreamEvent) async {
        switch event {
        case .published(_, let generation, let source):
            guard generation > self.newestGeneration else { return }
            self.newestGeneration = generation
            await self.published(generation, source)
        case .tracksKnown(_, let generation, let tracks):
            guard self.phase == .gathering(generation) else { return }
            await self.tracksKnown(generation, tracks)
        case .tracksChanged(_, let generation, let tracks):
            guard self.phase == .live(generation) else { return }
            self.check(tracks)
            // The source may have another height now.
            self.rereadEndpoints()
        case .ended(_, let generation, let end, let last):
            // A replaced publisher's end is no end of the broadcast: the next one's `published` comes with it.
            guard self.phase.generation == generation, end != .stopped(.replaced) else { return }
            self.newest = last ?? self.newest
            await self.ended(end)
        }
    }

    private func published(_ generation: UInt64, _ source: PublishSource) async {
        let isTakeover = self.phase != .idle
        self.isLetGo = false
        self.phase = .gathering(generation)
        self.source = source
        self.stream = self.environment.streams.find(self.key)
        self.newest = nil
        self.limit = BitrateLimit(self.environment.configuration.maxBitrate)
        self.log("publisher \(isTakeover ? "replaced" : "connected")", ["peer": "\(source.remoteAddress)", "type": "\(source.type.rawValue)"])
        // What is pulled has a record, or is being stopped with it.
        guard source.type != .pull else { return }
        // Its record may have been removed since the publisher was admitted: with the previous publisher's, if nobody had registered it.
        do {
            guard try !self.environment.database.broadcasts.contains(self.id) else { return }
            try await self.environment.database.broadcasts.insert(.zombi(self.id, now: self.environment.clock.wall()))
        } catch .duplicate {
            return
        } catch {
            self.complain("broadcast not stored", error)
        }
    }

    private func tracksKnown(_ generation: UInt64, _ tracks: [Track]) async {
        self.phase = .live(generation)
        self.stopHolding()
        self.check(tracks)
        self.startWatching()
        self.log("live", ["tracks": "\(tracks.map(\.codec.rawValue).joined(separator: "+"))"])
        let stored = await self.storeStart(tracks)
        guard self.phase == .live(generation) else { return }
        self.environment.outputs.hls.streamBecameLive(self.key)
        self.environment.outputs.pictures?.streamBecameLive(self.id)
        if !self.isAnnounced {
            self.isAnnounced = true
            self.drops.forgetEnded()
            self.environment.emit(.liveStreamStarted(id: self.id))
        }
        // While the start was being stored, other things may have been; between this and what is begun with it nothing can.
        guard let record = self.newestRecord ?? stored else { return }
        self.rereadBackup()
        self.startLadder(record)
        // Before recordings, which take their time to begin: what is stored meanwhile looks after itself.
        self.endpointsChanged(record.endpoints)
        await self.startWantedRecordings(record)
    }

    private var newestRecord: BroadcastRecord? {
        do {
            return try self.environment.database.broadcasts.find(self.id)
        } catch {
            self.complain("broadcast not read", error)
            return nil
        }
    }

    private func storeStart(_ tracks: [Track]) async -> BroadcastRecord? {
        let source = self.source
        let video = tracks.lazy.compactMap(\.video).first
        let now = self.environment.clock.wall()
        do {
            return try await self.environment.database.broadcasts.update(self.id) { record in
                var run = BroadcastRecord.Run()
                run.publishType = source?.type.rawValue
                run.startedAt = source?.startedAtMilliseconds ?? now
                run.updatedAt = now
                run.absoluteStart = run.startedAt
                run.width = video?.shownWidth ?? 0
                run.height = video?.shownHeight ?? 0
                if let userAgent = source?.userAgent { run.userAgent = userAgent }
                run.remoteIP = source.flatMap { $0.remoteAddress.isEmpty ? nil : $0.remoteAddress }
                record.run = run
                record.status = .broadcasting
            }
        } catch {
            // A full disk must not keep anybody from being live; what runs is shown from what runs.
            self.complain("start not stored", error)
            do { return try self.environment.database.broadcasts.find(self.id) } catch { return nil }
        }
    }

    private func ended(_ end: PublishEnd) async {
        // Also when one took over and left again before its own tracks were known.
        let wasLive = self.isAnnounced
        let wasKnown = if case .live = self.phase { true } else { false }
        self.isAnnounced = false
        self.phase = .idle
        self.watch?.cancel()
        self.watch = nil
        self.environment.outputs.hls.streamEnded(self.key)
        self.environment.outputs.pictures?.streamEnded(self.id)
        self.stopRecordings()
        self.recordingPauses = [:]
        // It ends by itself, with what was published last.
        self.ladder.clear()
        let isHeld = wasKnown || wasLive ? self.isHeld(after: end) : self.isHeldOn(after: end)
        if isHeld, wasKnown || wasLive { self.hold(saidGoodbye: end == .finished) }
        let statuses = isHeld ? [:] : self.closeDestinations()
        self.log("publisher gone", ["live": "\(wasLive)"])
        if wasLive { self.environment.emit(.liveStreamEnded(id: self.id)) }
        await self.storeEnd(wasLive: wasLive, endpoints: statuses)
        if self.phase == .idle { self.stream = nil }
    }

    private func storeEnd(wasLive: Bool, endpoints: [String: String]) async {
        let now = self.environment.clock.wall()
        let newest = self.newest
        do {
            if try await self.environment.database.broadcasts.deleteZombi(self.id) {
                await self.environment.limits.reread(self.id)
                // Its endpoints are gone with it.
                await self.endHold()
                return
            }
            guard wasLive else {
                // The wait ended while a publisher that was never live was there.
                if !endpoints.isEmpty { try await self.environment.database.broadcasts.setEndpointStatuses(endpoints, of: self.id) }
                return
            }
            try await self.environment.database.broadcasts.update(self.id) { record in
                record.status = .finished
                record.run.updatedAt = now
                record.run.duration = max(0, now - record.run.startedAt)
                if let newest {
                    record.run.receivedBytes = Int64(clamping: newest.receivedBytes)
                    record.run.bitrate = Int64(newest.bitrate)
                    record.run.speed = newest.speed
                }
                for index in record.endpoints.indices {
                    if let status = endpoints[record.endpoints[index].serviceID] { record.endpoints[index].status = status }
                }
            }
        } catch {
            self.complain("end not stored", error)
        }
    }

    // MARK: Limits

    /// Looks at the publisher's bit rate once a second as long as the stream is live, where it is limited. A thousand publishers without a limit
    /// need no thousand timers.
    private func startWatching() {
        self.watch?.cancel()
        guard self.environment.configuration.maxBitrate > 0 else { return }
        self.watch = Task { [weak self] in
            while true {
                do { try await Task.sleep(for: .seconds(1)) } catch { return }
                guard let self else { return }
                await self.tick()
            }
        }
    }

    func tick() {
        guard case .live = self.phase, let snapshot = self.stream?.snapshot(now: self.environment.clock.now()) else { return }
        if self.limit.isExceeded(by: snapshot.bitrate) { self.sendAway(.tooFast, ["bitrate": "\(snapshot.bitrate)"]) }
    }

    private func check(_ tracks: [Track]) {
        let most = self.environment.configuration.maxHeight
        let height = tracks.lazy.compactMap(\.video).map(\.height).max() ?? 0
        if most > 0, height > most { self.sendAway(.tooHigh, ["height": "\(height)"]) }
    }

    private func sendAway(_ reason: PublishStop, _ metadata: Logger.Metadata) {
        self.log("publisher sent away", metadata.merging(["reason": "\(reason.rawValue)"]) { old, _ in old })
        _ = self.environment.streams.stop(self.key, reason: reason)
    }

    // MARK: Words

    func log(_ message: Logger.Message, _ metadata: Logger.Metadata = [:]) {
        self.environment.logger.info(message, metadata: metadata.merging(["stream": "\(self.id)"]) { old, _ in old })
    }

    func complain(_ message: Logger.Message, _ error: StoreError) {
        self.environment.logger.error(message, metadata: ["stream": "\(self.id)", "error": "\(error)"])
    }
}

extension BroadcastRecord {
    /// A broadcast that only exists as long as somebody publishes it.
    static func zombi(_ id: String, now: Int64) -> BroadcastRecord {
        BroadcastRecord(id: id, createdAt: now, isZombi: true)
    }
}
