import Dispatch
public import Gateways
public import Media
import NIOCore
public import Streams
import Synchronization
import TestSupport

/// A pull that does what a test says, and nothing of its own.
public final class FakePull: PullSession {
    private struct State {
        var status = PullStatus(state: .preparing)
        var isStopped = false
        var seeks: [MediaTime] = []
        var skips: [Int?] = []
        var replaced: [PullSequence] = []
        var refusesSkips = false
        var publisher: Publisher?
    }

    public let plan: PullPlan
    private let onEvent: @Sendable (PullEvent) -> Void
    /// Of its own, where it tells by itself what becomes of it: whoever causes an event is not the one who tells it.
    private let thread: DispatchQueue?
    private let state = Mutex(State())

    init(plan: PullPlan, isLifelike: Bool, onEvent: @escaping @Sendable (PullEvent) -> Void) {
        self.plan = plan
        self.onEvent = onEvent
        self.thread = isLifelike ? DispatchQueue(label: "pull") : nil
        self.happened(.preparing(index: 0))
    }

    /// Told by those that tell by themselves.
    private func happened(_ event: PullEvent) { self.thread?.async { self.onEvent(event) } }

    // MARK: What it was told

    public var isStopped: Bool { self.state.withLock { $0.isStopped } }
    public var seeks: [MediaTime] { self.state.withLock { $0.seeks } }
    /// Nil is the next item.
    public var skips: [Int?] { self.state.withLock { $0.skips } }
    public var replaced: [PullSequence] { self.state.withLock { $0.replaced } }

    public var item: PullItem? {
        switch self.plan.content {
        case .live(let item): item
        case .sequence(let sequence): sequence.items.first
        }
    }

    // MARK: PullSession

    public var status: PullStatus { self.state.withLock { $0.status } }

    public func stop() {
        let (isNew, publisher) = self.state.withLock { state in
            defer {
                state.isStopped = true
                state.status.state = .finished
                state.publisher = nil
            }
            return (!state.isStopped, state.publisher)
        }
        publisher?.end(.stopped(.stoppedByUser))
        if isNew { self.happened(.finished(listEnded: false, nil)) }
    }

    public func seek(to time: MediaTime) -> Bool {
        self.state.withLock { $0.seeks.append(time) }
        return true
    }

    public func skip(to index: Int?) -> Bool {
        self.state.withLock { state in
            state.skips.append(index)
            return !state.refusesSkips
        }
    }

    public func replace(_ sequence: PullSequence) { self.state.withLock { $0.replaced.append(sequence) } }

    // MARK: What a test makes it do

    public func tell(_ event: PullEvent) { self.onEvent(event) }

    public func refuseSkips() { self.state.withLock { $0.refusesSkips = true } }

    public func show(_ state: PullStatus.State, _ failure: PullFailure? = nil) {
        self.state.withLock {
            $0.status.state = state
            $0.status.lastFailure = failure
        }
    }

    /// It publishes from now on.
    public func broadcasts(to publisher: Publisher) {
        self.show(.broadcasting)
        self.state.withLock { $0.publisher = publisher }
        self.happened(.broadcasting(index: 0))
    }

    /// Publishes a picture every tenth of a second of media, the first of each second a keyframe.
    public func plays(untilSeconds end: Int64) {
        let publisher = self.state.withLock { $0.publisher }
        for tenth in 1..<(end * 10) {
            publisher?.publish(Frames.picture(at: tenth * 100, key: tenth % 10 == 0), now: .uptimeNanoseconds(1_000_000_000_000))
        }
    }

    public func plays(item: Int) {
        self.state.withLock { $0.status.itemIndex = item }
        self.happened(.itemStarted(index: item))
    }

    /// The peer goes away; the next try comes later.
    public func fails(_ failure: PullFailure, attempt: Int = 1) {
        self.retries(failure)
        self.happened(.retrying(failure, attempt: attempt, afterMilliseconds: 3_000))
    }

    /// The same, and it is told at once.
    public func lose(_ attempt: Int = 1) {
        let failure = PullFailure(cause: .ended, text: "gone")
        self.retries(failure)
        self.tell(.retrying(failure, attempt: attempt, afterMilliseconds: 3_000))
    }

    private func retries(_ failure: PullFailure) {
        let publisher = self.state.withLock { state in
            state.status.state = .retrying
            state.status.lastFailure = failure
            state.status.attempts += 1
            defer { state.publisher = nil }
            return state.publisher
        }
        publisher?.end(.lost)
    }
}
