import Logging
import NIOCore
import Store
import Streams
import Synchronization

/// The one timer for all that is planned and all that viewers start.
struct Alarm {
    private(set) var number: UInt64 = 0
    private var due: NIODeadline?
    private var task: Task<Void, Never>?

    /// Whether it would ring by `time`.
    func rings(by time: NIODeadline) -> Bool { self.due.map { $0 <= time } ?? false }

    /// Replaces what it was set to; an older task finds that its number is not this one's.
    mutating func set(_ due: NIODeadline, _ ring: (UInt64) -> Task<Void, Never>) {
        self.number += 1
        self.due = due
        self.task = ring(self.number)
    }

    mutating func rang() {
        self.due = nil
        self.task = nil
    }

    mutating func cancel() {
        self.number += 1
        self.due = nil
        self.task?.cancel()
        self.task = nil
    }
}

extension BroadcastSources {
    /// Contract 3.6: so long after its start, and after its last viewer, a source that is pulled for viewers is stopped.
    static let patience = TimeAmount.seconds(10)
    private static let watchPeriod = TimeAmount.seconds(1)
    /// The wall clock may be set meanwhile: looked at so often.
    private static let longestSleep: Int64 = 60

    // MARK: At the start of the process

    /// Starts again what was wanted, or is to run always, and sees to plans.
    func boot() async throws(BroadcastError) {
        let table = self.table
        let forViewers = try stored { () throws(StoreError) in try table.sourcesForViewers() }
        var wanted = try stored { () throws(StoreError) in try table.wantedSources() }
        let planned = try stored { () throws(StoreError) in try table.plannedPlaylists() }
        if self.environment.settings.startsAutomatically {
            let known = Set(wanted)
            wanted += try stored { () throws(StoreError) in try table.permanentSources() }.filter { !known.contains($0) }
        }
        for id in forViewers {
            if let record = try self.record(id) { self.note(record) }
        }
        for id in planned { try await self.bootPlanned(id) }
        for id in wanted where !self.demand.startsWithViewers(id) && self.running[id] == nil {
            // Stopped by its plan just now.
            guard try self.record(id)?.source.isWanted ?? false || !planned.contains(id) else { continue }
            await self.startQuietly(id, .boot)
        }
        self.rearm()
    }

    private func bootPlanned(_ id: String) async throws(BroadcastError) {
        guard let record = try self.record(id) else { return }
        let plan = record.schedule
        let now = self.environment.clock.wall() / 1000
        self.note(record)
        let within = self.environment.settings.startWithin.nanoseconds / 1_000_000_000
        switch PlaylistSchedule.missed(
            start: plan.plannedStart, end: plan.plannedEnd, done: plan.plannedStartDone, now: now, within: within)
        {
        case .no: break
        case .startLate:
            self.log(id, "planned start was missed, starting late", ["seconds": "\(now - plan.plannedStart)"])
            await self.startPlanned(id, plan.plannedStart)
        case .tooLate:
            self.log(id, "planned start was missed", ["seconds": "\(now - plan.plannedStart)"])
            await self.noteDone(id, plan.plannedStart)
        }
        // Its end came while nobody was there to stop it. Who started it after that wants it all the same.
        if record.source.isWanted, plan.plannedEnd > 0, plan.plannedEnd <= now, record.run.startedAt / 1000 < plan.plannedEnd {
            _ = try await self.stop(id)
        }
    }

    // MARK: The alarm

    func rearm() {
        guard !self.isEnding else { return }
        let now = self.environment.clock.now()
        var due: NIODeadline?
        if let next = self.schedule.nextDue {
            let seconds = min(max(0, next - self.environment.clock.wall() / 1000), Self.longestSleep)
            due = now + .seconds(seconds)
        }
        if self.running.keys.contains(where: { self.demand.startsWithViewers($0) }) { due = min(due ?? .distantFuture, now + Self.watchPeriod) }
        guard let due, !self.alarm.rings(by: due) else { return }
        // Ends by itself, within a minute; cancelled by `beginShutdown`.
        self.alarm.set(due) { number in
            Task { [weak self] in
                do { try await Task.sleep(for: .nanoseconds((due - now).nanoseconds)) } catch { return }
                await self?.alarmRang(number)
            }
        }
    }

    private func alarmRang(_ number: UInt64) async {
        guard self.alarm.number == number else { return }
        self.alarm.rang()
        await self.tick()
    }

    /// Does what is due by now.
    func tick() async {
        guard !self.isEnding else { return }
        for order in self.schedule.due(at: self.environment.clock.wall() / 1000) {
            switch order {
            case .start(let id, let planned): await self.startPlanned(id, planned)
            case .stop(let id):
                self.log(id, "planned end")
                await self.stopQuietly(id)
            }
        }
        await self.stopUnwatched()
        self.rearm()
    }

    private func startPlanned(_ id: String, _ planned: Int64) async {
        await self.noteDone(id, planned)
        guard self.running[id] == nil else { return }
        await self.startQuietly(id, .asked)
    }

    private func noteDone(_ id: String, _ planned: Int64) async {
        do { try await self.table.plannedStartDone(planned, of: id) } catch { self.complain(id, "planned start not noted", .store(error)) }
    }

    private func startQuietly(_ id: String, _ reason: Reason) async {
        do throws(BroadcastError) { _ = try await self.start(id, reason) } catch {
            self.environment.logger.warning("not started", metadata: ["stream": "\(id)", "reason": "\(error)"])
        }
    }

    private func stopQuietly(_ id: String) async {
        do throws(BroadcastError) { _ = try await self.stop(id) } catch { self.complain(id, "end not stored", error) }
    }

    // MARK: Viewers

    /// Starts a source that waits for viewers. Whether it is worth waiting for.
    nonisolated func viewerArrived(_ id: String) -> Bool {
        switch self.demand.arrived(id, now: { self.environment.clock.now() }) {
        case .refused: return false
        case .present: return true
        case .start:
            // Ends by itself, when the start is written down.
            Task { await self.startForViewer(id) }
            return true
        }
    }

    private func startForViewer(_ id: String) async {
        do throws(BroadcastError) {
            _ = try await self.start(id, .viewer)
        } catch .alreadyActive, .playlistAlreadyRunning {
            return
        } catch {
            self.environment.logger.notice("not started for a viewer", metadata: ["stream": "\(id)", "reason": "\(error)"])
            self.demand.failed(id, now: self.environment.clock.now())
        }
    }

    private func stopUnwatched() async {
        let now = self.environment.clock.now()
        for (id, present) in self.running where self.demand.startsWithViewers(id) {
            guard self.viewers(of: id) == 0 else {
                self.running[id]?.lastWatched = now
                continue
            }
            let last = max(present.lastWatched, self.demand.lastArrival(id) ?? present.lastWatched)
            guard now - last > Self.patience else { continue }
            self.log(id, "nobody is watching")
            await self.stopQuietly(id)
        }
    }

    private func viewers(of id: String) -> Int {
        // Players count while they wait, too.
        let stream = self.environment.streams.find(StreamKey(id))
        let players = stream.map { $0.rtmpViewers.load(ordering: .relaxed) + $0.srtViewers.load(ordering: .relaxed) } ?? 0
        let hls = self.environment.outputs.hls
        return players + max(0, hls.viewerCount(id)) + max(0, hls.dashViewerCount(id))
    }
}
