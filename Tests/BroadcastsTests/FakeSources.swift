import Broadcasts
import Gateways
import Media
import NIOCore
import Streams
import Synchronization
import TestSupport
import Testing

/// Pulls that do what the test says.
final class FakeSources: Sendable {
    private struct State {
        var pulls: [FakePull] = []
        var probed: [PullItem] = []
        var answers: [String: Result<SourceProbe, PullFailure>] = [:]
        var forbidden: Set<String> = []
        var hangs = false
        var hanging: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// In the order in which they were started.
    var pulls: [FakePull] { self.state.withLock { $0.pulls } }
    var probed: [PullItem] { self.state.withLock { $0.probed } }
    var probedURLs: [String] { self.probed.map(\.url) }

    /// The newest of a broadcast.
    func pull(_ id: String) -> FakePull? { self.pulls.last { $0.plan.id == id } }

    /// What a look at a URL tells; without it, it is there and does not say how long it is.
    func answer(_ url: String, _ answer: Result<SourceProbe, PullFailure>) { self.state.withLock { $0.answers[url] = answer } }
    func answer(_ url: String, milliseconds: Int64) { self.answer(url, .success(SourceProbe(duration: MediaTime(milliseconds: milliseconds)))) }
    func answer(_ url: String, _ cause: PullFailure.Cause) { self.answer(url, .failure(PullFailure(cause: cause, text: "\(cause)"))) }

    func forbid(_ url: String) { self.state.withLock { _ = $0.forbidden.insert(url) } }

    /// Lets looks take until `releaseProbes`.
    func hangProbes() { self.state.withLock { $0.hangs = true } }

    func releaseProbes() {
        let hanging = self.state.withLock { state in
            state.hangs = false
            defer { state.hanging = [] }
            return state.hanging
        }
        for continuation in hanging { continuation.resume() }
    }

    var factory: SourceFactory {
        SourceFactory(
            start: { plan, onEvent in
                let pull = FakePull(plan: plan, onEvent: onEvent)
                self.state.withLock { $0.pulls.append(pull) }
                return pull
            },
            probe: { item, _ in
                await withCheckedContinuation { continuation in
                    let goesOn = self.state.withLock { state in
                        state.probed.append(item)
                        if state.hangs { state.hanging.append(continuation) }
                        return !state.hangs
                    }
                    if goesOn { continuation.resume() }
                }
                return self.state.withLock { $0.answers[item.url] } ?? .success(SourceProbe(duration: nil))
            },
            refusal: { item in
                let isForbidden = self.state.withLock { $0.forbidden.contains(item.url) } || item.url.isEmpty
                return isForbidden ? PullFailure(cause: .addressNotAllowed, text: "not allowed") : nil
            })
    }
}

final class FakePull: PullSession {
    private struct State {
        var status = PullStatus(state: .preparing)
        var stops = 0
        var seeks: [MediaTime] = []
        var skips: [Int?] = []
        var replaced: [PullSequence] = []
        var refusesSkips = false
        var publisher: Publisher?
    }

    let plan: PullPlan
    private let onEvent: @Sendable (PullEvent) -> Void
    private let state = Mutex(State())

    init(plan: PullPlan, onEvent: @escaping @Sendable (PullEvent) -> Void) {
        self.plan = plan
        self.onEvent = onEvent
    }

    var status: PullStatus { self.state.withLock { $0.status } }
    var isStopped: Bool { self.state.withLock { $0.stops > 0 } }
    var seeks: [MediaTime] { self.state.withLock { $0.seeks } }
    var skips: [Int?] { self.state.withLock { $0.skips } }
    var replaced: [PullSequence] { self.state.withLock { $0.replaced } }

    var item: PullItem? {
        switch self.plan.content {
        case .live(let item): item
        case .sequence(let sequence): sequence.items.first
        }
    }

    func refuseSkips() { self.state.withLock { $0.refusesSkips = true } }

    // MARK: What the service asks

    func stop() {
        let publisher = self.state.withLock { state in
            state.stops += 1
            state.status.state = .finished
            defer { state.publisher = nil }
            return state.publisher
        }
        publisher?.end(.finished)
    }

    func seek(to time: MediaTime) -> Bool {
        self.state.withLock { $0.seeks.append(time) }
        return true
    }

    func skip(to index: Int?) -> Bool {
        self.state.withLock { state in
            state.skips.append(index)
            return !state.refusesSkips
        }
    }

    func replace(_ sequence: PullSequence) { self.state.withLock { $0.replaced.append(sequence) } }

    // MARK: What the test makes it do

    func tell(_ event: PullEvent) { self.onEvent(event) }

    func show(_ state: PullStatus.State, _ failure: PullFailure? = nil) {
        self.state.withLock {
            $0.status.state = state
            $0.status.lastFailure = failure
        }
    }

    /// Frames come: the broadcast is live when this returns.
    func broadcast(on stage: Stage) async throws {
        self.show(.broadcasting)
        let id = self.plan.id
        let source = PublishSource(
            type: .pull, remoteAddress: "", credential: "pull:" + id, startedAtMilliseconds: stage.time.wall, stop: { _ in self.stop() })
        let publisher = try stage.streams.publish(StreamKey(id), source: source, now: stage.time.now).get()
        self.state.withLock { $0.publisher = publisher }
        let live = stage.outputs.hls.count { $0 == "live \(id)" }
        stage.feed(publisher)
        try await stage.eventually("\(id) is live") { stage.outputs.hls.count { $0 == "live \(id)" } > live }
    }

    /// The peer goes away; the next try comes later.
    func lose(_ attempt: Int = 1) {
        let failure = PullFailure(cause: .ended, text: "gone")
        let publisher = self.state.withLock { state in
            state.status.state = .retrying
            state.status.lastFailure = failure
            defer { state.publisher = nil }
            return state.publisher
        }
        publisher?.end(.lost)
        self.tell(.retrying(failure, attempt: attempt, afterMilliseconds: 3_000))
    }
}
