import AV
import Logging
import Media
import NIOCore
import Streams
import Synchronization

/// What the pull's own thread tells and asks.
extension RunningPull {
    var isFinished: Bool { self.state.withLock { $0.machine.isFinished } }

    /// The generation of the new opening; nil after the end.
    func opens(index: Int) -> UInt64? {
        let opening = self.state.withLock { state -> (UInt64, attempt: Int)? in
            guard let event = state.machine.opens(index: index) else { return nil }
            self.tell(event)
            state.duration = nil
            state.isSeekable = false
            state.seek = nil
            state.hasNewList = false
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
    ///
    /// Without a credential: a pull that was stopped in this very moment must not push the one aside that has taken its place.
    func goLive(generation: UInt64, index: Int) throws(PullFailure) -> Publisher? {
        guard !self.isFinished else { return nil }
        let source = PublishSource(
            type: .pull, remoteAddress: "", startedAtMilliseconds: self.environment.wallClock(),
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

    /// Until then, or the end; shorter when somebody asks for an item or brings another list.
    func sleep(until time: Int64) {
        while self.clock.now() < time, !self.state.withLock({ $0.machine.isFinished || $0.hasNewList }) { self.clock.wait(until: time) }
    }

    func listEnded(_ failure: PullFailure?) { self.end(listEnded: true, failure, as: .finished) }
}
