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
    private struct State {
        var machine: PullMachine
        var publisher: Publisher?
        /// Of the input that the pull's thread opens or reads.
        var interrupt: Interrupt?
        /// Nil for a single live source.
        var cursor: SequenceCursor?
        var seek: MediaTime?
        var duration: MediaTime?
        var isSeekable = false
    }

    let plan: PullPlan
    let environment: PullEnvironment
    let clock: any PullClock
    let ahead: ItemPrefetch
    private let onEvent: @Sendable (PullEvent) -> Void
    private let state: Mutex<State>
    /// Microseconds within the item; `Int64.min`: none.
    private let position = Atomic<Int64>(Int64.min)

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
    private func leave(_ reason: PublishStop) {
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
            !state.machine.isFinished && (state.cursor?.skip(to: index) ?? false)
        }
        guard taken else { return false }
        // Not left to the pull's thread, which may sit in a read.
        if let key = self.next().key { self.openAhead(key) }
        self.clock.signal()
        return true
    }

    func replace(_ sequence: PullSequence) {
        self.state.withLock { $0.cursor?.replace(sequence) }
        self.clock.signal()
    }

    // MARK: From the pull's thread

    var isFinished: Bool { self.state.withLock { $0.machine.isFinished } }

    /// The generation of the new opening; nil after the end.
    func opens(index: Int) -> UInt64? {
        let opening = self.state.withLock { state -> (UInt64, attempt: Int)? in
            guard let event = state.machine.opens(index: index) else { return nil }
            self.tell(event)
            state.duration = nil
            state.isSeekable = false
            state.seek = nil
            return (state.machine.status.generation, state.machine.status.attempts)
        }
        self.position.store(Int64.min, ordering: .relaxed)
        guard let (generation, attempts) = opening else { return nil }
        if Self.isLogged(attempt: attempts) { self.log(.info, "pull opens its input") }
        return generation
    }

    /// What `stop` cancels from now on. False after the end.
    func adopt(_ interrupt: Interrupt?) -> Bool {
        self.state.withLock { state in
            guard !state.machine.isFinished else { return false }
            state.interrupt = interrupt
            return true
        }
    }

    /// What is known of the input being played.
    func describe(_ input: any PullInput) {
        let (duration, isSeekable) = (input.duration, input.isSeekable)
        self.state.withLock { state in
            state.duration = duration
            state.isSeekable = isSeekable
        }
    }

    func reached(_ position: MediaTime) { self.position.store(position.microseconds, ordering: .relaxed) }

    func takeSeek() -> MediaTime? {
        self.state.withLock { state in
            defer { state.seek = nil }
            return state.seek
        }
    }

    var wantsSeek: Bool { self.state.withLock { $0.seek != nil } }

    /// Becomes the stream's publisher, for the first frame. Nil after the end.
    func goLive(generation: UInt64, index: Int) throws(PullFailure) -> Publisher? {
        let source = PublishSource(
            type: .pull, remoteAddress: "", credential: "pull:" + self.plan.id, startedAtMilliseconds: self.environment.wallClock(),
            stop: { [weak self] reason in self?.leave(reason) })
        switch self.environment.streams.publish(StreamKey(self.plan.id), source: source, now: .now()) {
        case .failure(let refusal):
            throw PullFailure(cause: .other, text: "the stream has another publisher (\(refusal.rawValue))")
        case .success(let publisher):
            let now = self.instant
            let isLive = self.state.withLock { state in
                guard let event = state.machine.firstFrame(generation: generation, index: index, now: now) else { return false }
                state.publisher = publisher
                self.tell(event)
                return true
            }
            guard isLive else {
                publisher.end(.stopped(.stoppedByUser))
                return nil
            }
            self.log(.info, "pull is live")
            return publisher
        }
    }

    /// The input is gone. When to try again, in monotonic nanoseconds; nil after the end.
    func lost(_ failure: PullFailure, generation: UInt64) -> Int64? {
        let now = self.instant
        let chance = self.environment.chance()
        let result = self.state.withLock { state -> (retry: Int64, publisher: Publisher?, attempt: Int, delay: Int64)? in
            let result = state.machine.lost(generation: generation, failure, chance: chance, now: now)
            guard case .retry(let event, let at) = result, case .retrying(_, let attempt, let delay) = event else { return nil }
            self.tell(event)
            defer {
                state.publisher = nil
                state.interrupt = nil
            }
            return (at, state.publisher, attempt, delay)
        }
        guard let result else { return nil }
        result.publisher?.end(.lost)
        if Self.isLogged(attempt: result.attempt) {
            self.log(
                .warning, "pull waits for its input",
                ["cause": "\(failure.cause.rawValue)", "reason": "\(failure.text)", "attempt": "\(result.attempt)", "delay_ms": "\(result.delay)"])
        }
        return result.retry
    }

    /// Until then, or the end.
    func sleep(until time: Int64) {
        while !self.isFinished, self.clock.now() < time { self.clock.wait(until: time) }
    }

    func listEnded(_ failure: PullFailure?) { self.end(listEnded: true, failure, as: .finished) }

    private func end(listEnded: Bool, _ failure: PullFailure?, as reason: PublishEnd) {
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
    private func tell(_ event: PullEvent) { self.environment.events.send(event, to: self.onEvent) }

    private var instant: PullMachine.Instant {
        PullMachine.Instant(monotonic: self.clock.now(), wallMilliseconds: self.environment.wallClock())
    }

    // MARK: Sequences

    /// What comes next, as it stands now.
    struct Next {
        var key: ItemPrefetch.Key?
        var isSkipping: Bool
        /// There is nothing to open because all that was tried failed.
        var allFailed: Bool
        var loops: Bool
    }

    func next() -> Next {
        self.state.withLock { state in
            guard let cursor = state.cursor else { return Next(key: nil, isSkipping: false, allFailed: true, loops: false) }
            var key: ItemPrefetch.Key?
            if let index = cursor.candidate, let item = cursor.candidateItem {
                key = ItemPrefetch.Key(index: index, item: item, normalises: cursor.sequence.normalises)
            }
            return Next(key: key, isSkipping: cursor.isSkipping, allFailed: cursor.allFailed, loops: cursor.sequence.loops)
        }
    }

    /// The item that was opened ahead takes over. False when it is not the one that comes next any more.
    func takeOver(_ key: ItemPrefetch.Key, interrupt: Interrupt) -> Bool {
        self.position.store(Int64.min, ordering: .relaxed)
        return self.state.withLock { state in
            guard !state.machine.isFinished, let cursor = state.cursor, cursor.candidate == key.index, cursor.candidateItem == key.item else {
                return false
            }
            state.cursor?.opened()
            state.interrupt = interrupt
            state.seek = nil
            return true
        }
    }

    /// The item's first frame was published.
    func itemStarted(_ index: Int) {
        self.state.withLock { state in
            if let event = state.machine.comes(to: index) { self.tell(event) }
        }
    }

    enum ItemFailure {
        /// The candidate could not be opened.
        case opening
        /// What was played broke off right after its start.
        case early
        case late
    }

    func itemFailed(_ index: Int, _ failure: PullFailure, _ kind: ItemFailure) {
        let isTold = self.state.withLock { state in
            guard let event = state.machine.itemFailed(index: index, failure) else { return false }
            self.tell(event)
            switch kind {
            case .opening: state.cursor?.failed()
            case .early: state.cursor?.brokeOff()
            case .late: break
            }
            return true
        }
        if isTold { self.log(.warning, "playlist item failed", ["item": "\(index)", "reason": "\(failure.text)"]) }
    }

    func itemPlayed() { self.state.withLock { $0.cursor?.played() } }
    func retryList() { self.state.withLock { $0.cursor?.retry() } }

    /// Begins to open an item. When it was asked for and is there, a read of the old one must not hold it up.
    func openAhead(_ key: ItemPrefetch.Key) {
        self.ahead.open(key) { [weak self] isReady in
            guard let self else { return }
            let interrupt = self.state.withLock { state in isReady && state.cursor?.isSkipping == true ? state.interrupt : nil }
            interrupt?.cancel()
            self.clock.signal()
        }
    }

    // MARK: Log

    /// The first of a row of failures, then every tenth.
    private static func isLogged(attempt: Int) -> Bool { attempt <= 1 || attempt % 10 == 0 }

    private func log(_ level: Logger.Level, _ message: Logger.Message, _ metadata: Logger.Metadata = [:]) {
        var metadata = metadata
        metadata["stream"] = "\(self.plan.id)"
        if case .live(let item) = self.plan.content { metadata["url"] = "\(self.environment.opener.redacted(item))" }
        self.environment.logger.log(level: level, message, metadata: metadata)
    }
}
