import NIOCore
import Synchronization

/// Which broadcasts are pulled only while somebody watches, who waits for one to become live, and when somebody last asked for it. Asked by event
/// loops: in memory, behind a lock that is held for look-ups only.
final class ViewerDemand: Sendable {
    /// After a start that failed, viewers are not held for so long.
    static let pause = TimeAmount.seconds(3)

    enum Arrival {
        /// Viewers do not start it, or cannot now.
        case refused
        /// It is on, or being started.
        case present
        /// The caller starts it.
        case start
    }

    private struct Source {
        var isActive = false
        var lastArrival: NIODeadline?
        var refusedUntil: NIODeadline?
    }

    private struct State {
        var sources: [String: Source] = [:]
        var active: Set<String> = []
        var waiting: [String: [UInt64: EventLoopPromise<Bool>]] = [:]
        var lastWaiter: UInt64 = 0
        var isFinished = false

        mutating func takeWaiting(_ id: String) -> [EventLoopPromise<Bool>] {
            self.waiting.removeValue(forKey: id).map { Array($0.values) } ?? []
        }
    }

    private let state = Mutex(State())

    // MARK: Which

    func set(_ id: String, startsWithViewers: Bool) {
        self.state.withLock { state in
            guard startsWithViewers else {
                state.sources[id] = nil
                return
            }
            if state.sources[id] == nil { state.sources[id] = Source(isActive: state.active.contains(id)) }
        }
    }

    func startsWithViewers(_ id: String) -> Bool { self.state.withLock { $0.sources[id] != nil } }

    func lastArrival(_ id: String) -> NIODeadline? { self.state.withLock { $0.sources[id]?.lastArrival } }

    // MARK: What becomes of it

    /// It is pulled from now on.
    func began(_ id: String) {
        self.state.withLock { state in
            state.active.insert(id)
            state.sources[id]?.isActive = true
            state.sources[id]?.refusedUntil = nil
        }
    }

    /// It is not pulled any more. Who waits for it need not go on.
    func ended(_ id: String) {
        let waiting = self.state.withLock { state -> [EventLoopPromise<Bool>] in
            state.active.remove(id)
            state.sources[id]?.isActive = false
            return state.takeWaiting(id)
        }
        for promise in waiting { promise.succeed(false) }
    }

    /// A start for viewers came to nothing.
    func failed(_ id: String, now: NIODeadline) {
        self.state.withLock { $0.sources[id]?.refusedUntil = now + Self.pause }
        self.ended(id)
    }

    func becameLive(_ id: String) {
        for promise in self.state.withLock({ $0.takeWaiting(id) }) { promise.succeed(true) }
    }

    /// Nobody is started or held any more.
    func finish() {
        let waiting = self.state.withLock { state -> [EventLoopPromise<Bool>] in
            state.isFinished = true
            defer { state.waiting = [:] }
            return state.waiting.values.flatMap(\.values)
        }
        for promise in waiting { promise.succeed(false) }
    }

    // MARK: Viewers

    /// Asked with every request for a playlist, nearly always in vain, so the time is only asked for when it matters.
    func arrived(_ id: String, now clock: () -> NIODeadline) -> Arrival {
        self.state.withLock { state in
            guard !state.isFinished, var source = state.sources[id] else { return .refused }
            let now = clock()
            if !source.isActive, let until = source.refusedUntil, now < until { return .refused }
            source.lastArrival = now
            let isActive = source.isActive
            source.isActive = true
            state.sources[id] = source
            return isActive ? .present : .start
        }
    }

    /// True when `id` becomes live within the limit.
    func whenLive(
        _ id: String, on eventLoop: any EventLoop, within limit: TimeAmount, isLive: () -> Bool
    ) -> EventLoopFuture<Bool> {
        let promise = eventLoop.makePromise(of: Bool.self)
        let number = self.state.withLock { state -> UInt64? in
            guard !state.isFinished else { return nil }
            state.lastWaiter += 1
            state.waiting[id, default: [:]][state.lastWaiter] = promise
            return state.lastWaiter
        }
        guard let number else {
            promise.succeed(false)
            return promise.futureResult
        }
        // Looked at when already in line: it cannot become live unnoticed in between.
        if isLive() {
            self.take(id, number)?.succeed(true)
            return promise.futureResult
        }
        let timeout = eventLoop.scheduleTask(in: limit) { self.take(id, number)?.succeed(false) }
        promise.futureResult.whenComplete { _ in timeout.cancel() }
        return promise.futureResult
    }

    /// Whoever takes it out answers it.
    private func take(_ id: String, _ number: UInt64) -> EventLoopPromise<Bool>? {
        self.state.withLock { state in
            let promise = state.waiting[id]?.removeValue(forKey: number)
            if state.waiting[id]?.isEmpty == true { state.waiting[id] = nil }
            return promise
        }
    }
}
