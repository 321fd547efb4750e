import Media

/// How far one pull has got: `idle → preparing → broadcasting → retrying → preparing → … → finished`. A value without clock or chance: both come
/// as arguments. Every opening has a generation, and news of an older one changes nothing.
///
/// A sequence stays in `broadcasting` over all its items, and goes to `retrying` only when none of them can be played.
struct PullMachine: Sendable {
    struct Backoff: Sendable {
        /// The wait after a first failure.
        var firstMilliseconds: Int64 = 3_000
        /// No wait is longer.
        var longestMilliseconds: Int64 = 60_000
        /// After frames have come for so long, a failure counts as a first one again.
        var resetNanoseconds: Int64 = 10_000_000_000

        /// Doubling, each wait stretched by up to a quarter (`chance` 0 ..< 1), so that the cameras of a site that lost its network are not all
        /// opened in the same instant. `failures` counts from 1.
        func delay(failures: Int, chance: Double) -> Int64 {
            let first = max(self.firstMilliseconds, 1)
            let longest = max(self.longestMilliseconds, first)
            // The doubling stops where the stretch would pass the longest wait, so that the longest waits are spread too.
            let ceiling = max(first, longest / 5 * 4)
            var delay = first
            for _ in 1..<max(1, min(failures, 32)) where delay < ceiling { delay = min(delay * 2, ceiling) }
            let stretch = Int64(Double(delay) / 4 * min(max(chance, 0), 1))
            return min(delay + stretch, longest)
        }
    }

    /// When something happened: monotonic nanoseconds, and the wall clock in milliseconds since 1970 for people.
    struct Instant: Sendable, Equatable {
        var monotonic: Int64
        var wallMilliseconds: Int64
    }

    enum OnLost: Equatable {
        /// Of an older opening, or after the end.
        case ignored
        /// Try again at `at` (monotonic nanoseconds).
        case retry(event: PullEvent, at: Int64)
    }

    private let backoff: Backoff
    private(set) var status = PullStatus(state: .idle)
    /// Failures in a row for the backoff; unlike `status.attempts` they outlive an opening that gave only a few frames.
    private var failures = 0
    private var broadcastingSince: Int64?

    init(backoff: Backoff = Backoff()) {
        self.backoff = backoff
    }

    var isFinished: Bool { self.status.state == .finished }

    /// An input is going to be opened. Nil after the end.
    mutating func opens(index: Int) -> PullEvent? {
        guard !self.isFinished else { return nil }
        self.status.state = .preparing
        self.status.generation += 1
        self.status.nextTryAtMilliseconds = nil
        self.status.itemIndex = index
        self.broadcastingSince = nil
        return .preparing(index: index)
    }

    /// The opening's first frame was published. Nil when it is of an older opening or not the first.
    mutating func firstFrame(generation: UInt64, index: Int, now: Instant) -> PullEvent? {
        guard self.status.state == .preparing, generation == self.status.generation else { return nil }
        self.status.state = .broadcasting
        self.status.attempts = 0
        self.status.lastFailure = nil
        self.status.itemIndex = index
        self.broadcastingSince = now.monotonic
        return .broadcasting(index: index)
    }

    /// The sequence's next item takes over while the stream goes on. Nil unless broadcasting.
    mutating func comes(to index: Int) -> PullEvent? {
        guard self.status.state == .broadcasting else { return nil }
        self.status.itemIndex = index
        return .itemStarted(index: index)
    }

    /// An item of a sequence could not be played; what follows decides on the state.
    mutating func itemFailed(index: Int, _ failure: PullFailure) -> PullEvent? {
        guard !self.isFinished else { return nil }
        self.status.lastFailure = failure
        return .itemFailed(index: index, failure)
    }

    /// The input ended or could not be opened.
    mutating func lost(generation: UInt64, _ failure: PullFailure, chance: Double, now: Instant) -> OnLost {
        guard generation == self.status.generation, self.status.state == .preparing || self.status.state == .broadcasting else { return .ignored }
        if let since = self.broadcastingSince, now.monotonic - since >= self.backoff.resetNanoseconds { self.failures = 0 }
        self.broadcastingSince = nil
        self.failures = min(self.failures + 1, 1_000)
        let delay = self.backoff.delay(failures: self.failures, chance: chance)
        self.status.state = .retrying
        self.status.attempts += 1
        self.status.lastFailure = failure
        self.status.nextTryAtMilliseconds = now.wallMilliseconds + delay
        return .retry(
            event: .retrying(failure, attempt: self.status.attempts, afterMilliseconds: delay), at: now.monotonic + delay * 1_000_000)
    }

    /// Stopped, or the list is at its end. Nil when it was already.
    mutating func finish(listEnded: Bool, _ failure: PullFailure?) -> PullEvent? {
        guard !self.isFinished else { return nil }
        self.status.state = .finished
        self.status.nextTryAtMilliseconds = nil
        if let failure { self.status.lastFailure = failure }
        return .finished(listEnded: listEnded, failure)
    }
}
