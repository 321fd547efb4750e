import Broadcasts
import Dispatch
import Gateways
import Media
import NIOCore
import Streams
import Synchronization
import TestSupport

/// Fetches nothing: remembers what was to be fetched, and says of it what a test wants to be said.
final class StandInPulls: Sendable {
    private struct State {
        var pulls: [StandInPull] = []
        var probes: [String: Result<SourceProbe, PullFailure>] = [:]
        var refused: Set<String> = []
    }

    private let state = Mutex(State())

    var factory: SourceFactory {
        SourceFactory(
            start: { plan, onEvent in
                let pull = StandInPull(plan: plan, onEvent: onEvent)
                self.state.withLock { $0.pulls.append(pull) }
                return pull
            },
            probe: { item, _ in
                self.state.withLock { $0.probes[item.url] } ?? .failure(PullFailure(cause: .notFound, text: "404 Not Found"))
            },
            refusal: { item in
                self.state.withLock { $0.refused.contains(item.url) } ? PullFailure(cause: .addressNotAllowed, text: "not allowed") : nil
            })
    }

    /// What a look at a URL shall find; nothing else can be opened.
    func setProbe(_ url: String, _ result: Result<SourceProbe, PullFailure>) { self.state.withLock { $0.probes[url] = result } }

    /// Nobody may fetch from here.
    func refuse(_ url: String) { self.state.withLock { _ = $0.refused.insert(url) } }

    func newest(_ id: String) -> StandInPull? { self.state.withLock { $0.pulls.last { $0.plan.id == id } } }

    /// Started so far, stopped ones included.
    func count(_ id: String) -> Int { self.state.withLock { $0.pulls.count { $0.plan.id == id } } }
}

/// A pull that does what a test says, and nothing of its own.
final class StandInPull: PullSession {
    private struct State {
        var status = PullStatus(state: .preparing)
        var publisher: Publisher?
        var seeks: [MediaTime] = []
        var skips: [Int?] = []
        var isStopped = false
    }

    let plan: PullPlan
    private let onEvent: @Sendable (PullEvent) -> Void
    private let state = Mutex(State())
    /// Events come from a thread of the pull's own, whoever caused them.
    private let thread = DispatchQueue(label: "pull")

    init(plan: PullPlan, onEvent: @escaping @Sendable (PullEvent) -> Void) {
        self.plan = plan
        self.onEvent = onEvent
        self.tell(.preparing(index: 0))
    }

    private func tell(_ event: PullEvent) { self.thread.async { self.onEvent(event) } }

    // MARK: What a test says

    func broadcasts(to publisher: Publisher) {
        self.state.withLock { state in
            state.publisher = publisher
            state.status.state = .broadcasting
            state.status.lastFailure = nil
        }
        self.tell(.broadcasting(index: 0))
    }

    /// Publishes a picture every tenth of a second of media, the first of each second a keyframe.
    func plays(untilSeconds end: Int64) {
        let publisher = self.state.withLock { $0.publisher }
        for tenth in 1..<(end * 10) {
            publisher?.publish(Frames.picture(at: tenth * 100, key: tenth % 10 == 0), now: .uptimeNanoseconds(1_000_000_000_000))
        }
    }

    func fails(_ failure: PullFailure) {
        let publisher = self.state.withLock { state in
            state.status.state = .retrying
            state.status.lastFailure = failure
            state.status.attempts += 1
            defer { state.publisher = nil }
            return state.publisher
        }
        publisher?.end(.lost)
        self.tell(.retrying(failure, attempt: 1, afterMilliseconds: 3_000))
    }

    func plays(item: Int) {
        self.state.withLock { $0.status.itemIndex = item }
        self.tell(.itemStarted(index: item))
    }

    // MARK: What it was told

    var seeks: [MediaTime] { self.state.withLock { $0.seeks } }
    /// Nil is the next item.
    var skips: [Int?] { self.state.withLock { $0.skips } }
    var isStopped: Bool { self.state.withLock { $0.isStopped } }

    // MARK: PullSession

    var status: PullStatus { self.state.withLock { $0.status } }

    func stop() {
        let (isNew, publisher) = self.state.withLock { state in
            defer {
                state.isStopped = true
                state.status.state = .finished
                state.publisher = nil
            }
            return (!state.isStopped, state.publisher)
        }
        publisher?.end(.stopped(.stoppedByUser))
        if isNew { self.tell(.finished(listEnded: false, nil)) }
    }

    func seek(to time: MediaTime) -> Bool {
        self.state.withLock { $0.seeks.append(time) }
        return true
    }

    func skip(to index: Int?) -> Bool {
        self.state.withLock { $0.skips.append(index) }
        return true
    }

    func replace(_ sequence: PullSequence) {}
}
