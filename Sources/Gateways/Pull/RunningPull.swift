import AV
import Logging
import Media
import NIOCore
import Streams
import Synchronization

/// One pull: what its owner may ask of it from any thread, and what its own thread needs. The thread is `LiveRunner`'s or `SequenceRunner`'s.
///
/// Ending is logical first: the publish ends and the end is told at once, and the threads find out when the call they sit in returns.
final class RunningPull: PullSession {
    struct State {
        var machine: PullMachine
        var publisher: Publisher?
        /// Of the input that the pull's thread opens or reads.
        var interrupt: Interrupt?
        /// Nil for a single live source.
        var cursor: SequenceCursor?
        var seek: MediaTime?
        /// An item was asked for, or the list is another one, since the last try.
        var hasNewList = false
        /// How often each item has failed, for the log.
        var itemFailures: [Int: Int] = [:]
        var duration: MediaTime?
        var isSeekable = false
    }

    let plan: PullPlan
    let environment: PullEnvironment
    let clock: any PullClock
    let ahead: ItemPrefetch
    private let onEvent: @Sendable (PullEvent) -> Void
    let state: Mutex<State>
    /// Microseconds within the item; `Int64.min`: none.
    let position = Atomic<Int64>(Int64.min)

    init(_ plan: PullPlan, environment: PullEnvironment, onEvent: @escaping @Sendable (PullEvent) -> Void) {
        self.plan = plan
        self.environment = environment
        self.clock = environment.makeClock()
        self.ahead = ItemPrefetch(opener: environment.opener, threads: environment.threads)
        self.onEvent = onEvent
        let backoff = PullMachine.Backoff(
            firstMilliseconds: environment.configuration.retryDelay.milliseconds,
            longestMilliseconds: environment.configuration.longestRetryDelay.milliseconds)
        let cursor: SequenceCursor? = if case .sequence(let sequence) = plan.content { SequenceCursor(sequence) } else { nil }
        self.state = Mutex(State(machine: PullMachine(backoff: backoff), cursor: cursor))
    }

    /// Starts the thread; a pull without one has ended at once.
    func begin() {
        let started = self.environment.threads.start(name: "pull") {
            self.environment.opener.guarded {
                switch self.plan.content {
                case .live(let item): LiveRunner(self, item).run()
                case .sequence: SequenceRunner(self).run()
                }
            }
        }
        if !started { self.refuse() }
    }

    /// Ends it before it began.
    func refuse() { self.end(listEnded: false, PullFailure(cause: .other, text: "too many pulls are running"), as: .lost) }

    // MARK: From any thread

    var status: PullStatus {
        self.state.withLock { state in
            var status = state.machine.status
            guard status.state == .broadcasting || status.state == .preparing else { return status }
            let position = self.position.load(ordering: .relaxed)
            status.position = position == Int64.min ? nil : MediaTime(microseconds: position)
            status.duration = state.duration
            status.isSeekable = state.isSeekable
            return status
        }
    }

    func stop() { self.end(listEnded: false, nil, as: .stopped(.stoppedByUser)) }

    /// The hub asks its publisher to leave.
    func leave(_ reason: PublishStop) {
        let failure: PullFailure? =
            switch reason {
            case .stoppedByUser, .deleted, .shuttingDown: nil
            case .replaced: PullFailure(cause: .other, text: "another publisher has taken the stream over")
            case .tooHigh, .tooFast: PullFailure(cause: .other, text: "the stream is beyond the limits of this server")
            }
        self.end(listEnded: false, failure, as: .stopped(reason))
    }

    func seek(to time: MediaTime) -> Bool {
        let taken = self.state.withLock { state in
            guard state.isSeekable, time >= .zero, state.duration.map({ time < $0 }) ?? true else { return false }
            state.seek = time
            return true
        }
        if taken { self.clock.signal() }
        return taken
    }

    func skip(to index: Int?) -> Bool {
        let taken = self.state.withLock { state in
            guard !state.machine.isFinished, state.cursor?.skip(to: index) == true else { return false }
            state.hasNewList = true
            return true
        }
        guard taken else { return false }
        // Not left to the pull's thread, which may sit in a read.
        if let key = self.next().key { self.openAhead(key) }
        self.clock.signal()
        return true
    }

    func replace(_ sequence: PullSequence) {
        self.state.withLock { state in
            state.cursor?.replace(sequence)
            state.hasNewList = true
            state.itemFailures = [:]
        }
        self.clock.signal()
    }

    // MARK: The end, and what all threads use

    func end(listEnded: Bool, _ failure: PullFailure?, as reason: PublishEnd) {
        let ended = self.state.withLock { state -> (publisher: Publisher?, interrupt: Interrupt?)? in
            guard let event = state.machine.finish(listEnded: listEnded, failure) else { return nil }
            self.tell(event)
            defer {
                state.publisher = nil
                state.interrupt = nil
            }
            return (state.publisher, state.interrupt)
        }
        guard let ended else { return }
        ended.publisher?.end(reason)
        ended.interrupt?.cancel()
        self.ahead.cancel()
        self.clock.signal()
        self.log(.info, "pull ended", failure.map { ["reason": "\($0.text)"] } ?? [:])
        self.environment.onEnd(self)
    }

    /// Under the lock, so that events go out in the order of what they tell. It only appends to a queue.
    func tell(_ event: PullEvent) { self.environment.events.send(event, to: self.onEvent) }

    var instant: PullMachine.Instant {
        PullMachine.Instant(monotonic: self.clock.now(), wallMilliseconds: self.environment.wallClock())
    }

    /// Begins to open an item. When it was asked for and is there, a read of the old one must not hold it up.
    func openAhead(_ key: ItemPrefetch.Key) {
        self.ahead.open(key) { [weak self] isReady in
            guard let self else { return }
            let interrupt = self.state.withLock { state in isReady && state.cursor?.isSkipping == true ? state.interrupt : nil }
            interrupt?.cancel()
            self.clock.signal()
        }
    }

    /// The first of a row of failures, then every tenth.
    static func isLogged(attempt: Int) -> Bool { attempt <= 1 || attempt % 10 == 0 }

    func log(_ level: Logger.Level, _ message: Logger.Message, _ metadata: Logger.Metadata = [:]) {
        var metadata = metadata
        metadata["stream"] = "\(self.plan.id)"
        if case .live(let item) = self.plan.content { metadata["url"] = "\(self.environment.opener.redacted(item))" }
        self.environment.logger.log(level: level, message, metadata: metadata)
    }
}
