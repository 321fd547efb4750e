import Logging
import NIOCore
import Store
public import Streams
import Synchronization

/// Decides who may publish and watch, and sees to it that what must run with a stream starts and ends with it. Owned by `BroadcastService`.
public final class BroadcastLifecycle: PublishGate, PlayGate {
    private struct State {
        var supervisors: [String: BroadcastSupervisor] = [:]
        /// The publisher, by generation, that was last asked to leave.
        var stopping: [String: UInt64] = [:]
        var isShuttingDown = false
        /// Who waits until nothing runs any more.
        var waiting: [CheckedContinuation<Void, Never>] = []
        /// Takes letters out of the mailbox; ended by `finish()`.
        var pump: Task<Void, Never>?

        mutating func takeWaiting() -> [CheckedContinuation<Void, Never>] {
            defer { self.waiting = [] }
            return self.waiting
        }
    }

    let environment: BroadcastSupervisor.Environment
    private let state = Mutex(State())

    var configuration: BroadcastService.Configuration { self.environment.configuration }
    var mailbox: StreamMailbox { self.environment.mailbox }

    /// Told of everybody who wants to watch something.
    private let onViewer: @Sendable (String) -> Void

    init(environment: BroadcastSupervisor.Environment, onViewer: @escaping @Sendable (String) -> Void) {
        self.onViewer = onViewer
        self.environment = environment
    }

    // MARK: Gates

    public func admit(_ request: PublishRequest, stop: @escaping @Sendable (PublishStop) -> Void) async -> Result<Publisher, PublishRefusal> {
        let result = await self.decide(request, stop: stop)
        if case .failure(let refusal) = result {
            // The id is the peer's text: only one that follows the rule may enter the log as it is.
            let id = StreamID.isValid(request.id) ? request.id : "?"
            self.environment.logger.notice(
                "publisher refused", metadata: ["stream": "\(id)", "peer": "\(request.remoteAddress)", "reason": "\(refusal.rawValue)"])
        }
        return result
    }

    private func decide(
        _ request: PublishRequest, stop: @escaping @Sendable (PublishStop) -> Void
    ) async -> Result<Publisher, PublishRefusal> {
        if let refusal = self.refusal(of: request) { return .failure(refusal) }
        let isNew: Bool
        switch await self.register(request.id) {
        case .failure(let refusal): return .failure(refusal)
        case .success(let made): isNew = made
        }
        guard !self.state.withLock({ $0.isShuttingDown }) else { return .failure(.shuttingDown) }
        let source = PublishSource(
            type: request.type, remoteAddress: request.remoteAddress, userAgent: request.userAgent,
            credential: request[parameter: "token"], parameters: request.parameters, wrapPeriod: request.type.wrapPeriod,
            transport: request.transport, startedAtMilliseconds: self.environment.clock.wall(), stop: stop)
        let key = StreamKey(request.id)
        let result = self.environment.streams.publish(key, source: source, now: self.environment.clock.now())
        if case .failure = result, isNew, self.environment.streams.find(key)?.generation == nil { await self.forgetZombi(request.id) }
        return result
    }

    /// Makes sure there is a broadcast and that it may be published to now. Whether it was made.
    private func register(_ id: String) async -> Result<Bool, PublishRefusal> {
        let broadcasts = self.environment.database.broadcasts
        let now = self.environment.clock.wall()
        do {
            if let record = try broadcasts.find(id) {
                if let refusal = Self.refusal(of: record, now: now) { return .failure(refusal) }
                return .success(false)
            }
            guard !self.configuration.acceptOnlyRegistered else { return .failure(.notRegistered) }
            try await broadcasts.insert(.zombi(id, now: now))
            return .success(true)
        } catch .duplicate {
            return .success(false)
        } catch {
            // Without the store nobody can be told from a stranger, but strangers may publish unless the owner forbids it.
            self.environment.logger.error("broadcast not read or stored", metadata: ["stream": "\(id)", "error": "\(error)"])
            return self.configuration.acceptOnlyRegistered ? .failure(.notRegistered) : .success(false)
        }
    }

    /// Contract 3.2: expired, or outside the planned window when both of its ends are given.
    static func refusal(of record: BroadcastRecord, now: Int64) -> PublishRefusal? {
        switch record.type {
        case .ipCamera, .streamSource, .vod, .playlist: return .notALiveStream
        default: break
        }
        let schedule = record.schedule
        if schedule.expireDuration != 0 {
            let (end, overflow) = record.createdAt.addingReportingOverflow(schedule.expireDuration)
            if !overflow, now >= end { return .expired }
        }
        if schedule.plannedStart != 0, schedule.plannedEnd != 0 {
            let seconds = now / 1000
            if seconds < schedule.plannedStart || seconds > schedule.plannedEnd { return .outsidePlannedWindow }
        }
        return nil
    }

    private func forgetZombi(_ id: String) async {
        do {
            try await self.environment.database.broadcasts.deleteZombi(id)
            await self.environment.limits.reread(id)
        } catch {
            self.environment.logger.error("broadcast not removed", metadata: ["stream": "\(id)", "error": "\(error)"])
        }
    }

    public func admit(_ request: PlayRequest) async -> Result<StreamKey, PlayRefusal> {
        if let refusal = self.refusal(of: request) { return .failure(refusal) }
        self.onViewer(request.id)
        return .success(StreamKey(request.id))
    }

    var isShuttingDown: Bool { self.state.withLock { $0.isShuttingDown } }

    // MARK: Stopping publishers

    /// Asks the publisher to leave. False when there is none, or when the same one was asked before.
    func stop(_ id: String, reason: PublishStop) -> Bool {
        guard let stream = self.environment.streams.find(StreamKey(id)), let generation = stream.generation else { return false }
        let isNew = self.state.withLock { state in
            guard state.stopping[id] != generation else { return false }
            state.stopping[id] = generation
            return true
        }
        guard isNew else { return false }
        if self.environment.streams.stop(StreamKey(id), reason: reason) { return true }
        // It ended by itself meanwhile, and its letter may have been read already.
        self.state.withLock { if $0.stopping[id] == generation { $0.stopping[id] = nil } }
        return false
    }

    /// The broadcast is to end, by whatever way: its destinations are not held for a publisher that may come back.
    func letGo(_ id: String) async { await self.supervisor(id)?.letGo() }

    // MARK: Supervisors

    func supervisor(_ id: String) -> BroadcastSupervisor? { self.state.withLock { $0.supervisors[id] } }

    /// A stream is shown as live as soon as the hub knows its tracks, its supervisor hears of that a moment later. Whoever wants something of a stream
    /// that is live waits for that moment.
    func catchUp(with id: String) async {
        // The letter is put just after the hub shows it, so that once may be too soon.
        for _ in 0..<Self.catchUps {
            guard let stream = self.environment.streams.find(StreamKey(id)), stream.isLive, let generation = stream.generation else { return }
            guard await self.supervisor(id)?.phase != .live(generation) else { return }
            await self.mailbox.settle()
        }
    }

    private static let catchUps = 100

    private func openSupervisor(_ id: String) -> BroadcastSupervisor {
        self.state.withLock { state in
            if let present = state.supervisors[id] { return present }
            let new = BroadcastSupervisor(id: id, environment: self.environment)
            state.supervisors[id] = new
            return new
        }
    }

    /// Begins to observe the streams. Once, before any gateway listens.
    func start() {
        self.environment.streams.observe { [mailbox = self.mailbox] event in
            // Renditions come and go with their source.
            guard event.key.renditionHeight == 0 else { return }
            mailbox.put(.stream(event))
        }
        let pump = Task { [weak self, mailbox = self.mailbox] in
            for await letter in mailbox.letters {
                await self?.handle(letter)
                mailbox.taken()
            }
        }
        self.state.withLock { $0.pump = pump }
    }

    /// The only place where supervisors are taken out, and it handles one letter at a time: none can be taken out that is about to be needed.
    private func handle(_ letter: StreamMailbox.Letter) async {
        let supervisor: BroadcastSupervisor
        switch letter {
        case .stream(let event):
            if case .published = event {
                supervisor = self.openSupervisor(event.key.id)
            } else {
                if case .ended(_, let generation, _, _) = event {
                    self.state.withLock { if $0.stopping[event.key.id] == generation { $0.stopping[event.key.id] = nil } }
                }
                guard let present = self.supervisor(event.key.id) else { return }
                supervisor = present
            }
            await supervisor.received(event)
        case .outputEnded(let id):
            guard let present = self.supervisor(id) else { return }
            supervisor = present
        case .rendition(let id, let event):
            guard let present = self.supervisor(id) else { return }
            supervisor = present
            await supervisor.received(event)
        case .mark(let waiting):
            return waiting.resume()
        }
        guard await supervisor.isIdle else { return }
        // A publisher that is left has a letter under way, and so a supervisor to come.
        let isLast = self.environment.streams.publishing().isEmpty
        let waiting = self.state.withLock { state in
            state.supervisors[supervisor.id] = nil
            return isLast && state.supervisors.isEmpty ? state.takeWaiting() : []
        }
        for continuation in waiting { continuation.resume() }
    }

    // MARK: The end

    /// Admits nobody from now on and asks everybody to leave.
    func beginShutdown() {
        self.state.withLock { $0.isShuttingDown = true }
        for stream in self.environment.streams.publishing() {
            _ = self.environment.streams.stop(stream.key, reason: .shuttingDown)
        }
        // Ends by itself: it only asks, and `waitUntilEmpty` waits for what comes of it.
        for supervisor in self.state.withLock({ Array($0.supervisors.values) }) { Task { await supervisor.letGo() } }
    }

    /// Waits until nothing runs any more, at most so long; whether that was reached.
    func waitUntilEmpty(within limit: TimeAmount) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await self.untilEmpty(); return true
            }
            group.addTask {
                // Cancelled or not, nobody may be left waiting: the group waits for both.
                defer { self.releaseWaiting() }
                do { try await Task.sleep(for: .nanoseconds(limit.nanoseconds)) } catch { return false }
                return false
            }
            let first = await group.next() ?? false
            group.cancelAll()
            return first
        }
    }

    private func untilEmpty() async {
        await withCheckedContinuation { continuation in
            let isLast = self.environment.streams.publishing().isEmpty
            let isEmpty = self.state.withLock { state in
                if isLast && state.supervisors.isEmpty { return true }
                state.waiting.append(continuation)
                return false
            }
            if isEmpty { continuation.resume() }
        }
    }

    private func releaseWaiting() {
        let waiting = self.state.withLock { $0.takeWaiting() }
        for continuation in waiting { continuation.resume() }
    }

    /// Stops observing.
    func finish() async {
        self.mailbox.close()
        let pump = self.state.withLock { state in
            defer { state.pump = nil }
            return state.pump
        }
        await pump?.value
    }
}

extension StreamEvent {
    var key: StreamKey {
        switch self {
        case .published(let key, _, _), .tracksKnown(let key, _, _), .tracksChanged(let key, _, _), .ended(let key, _, _, _): key
        }
    }
}
