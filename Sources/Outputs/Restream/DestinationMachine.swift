import NIOCore

/// The state machine of one restream destination: when to open a session, when to give one up, how long to wait. Owned by `DestinationDriver`.
///
/// ```
/// idle ─► queued ─► connecting ─► publishing ─► live ◄─► stalled ─► closing ─► idle (stream ended) · retrying ─► queued · failed · stopped
/// ```
/// A stream that ends is held for the grace window: what is connected stays so, what is being connected goes on, and nothing new is begun; then it
/// has ended, or it is back and all goes on: what waits to retry does not wait any longer, and what was given up is tried anew. While something can
/// stand in for it, it is held for longer, and what breaks is connected again.
///
/// Time is an argument, and randomness comes from the seed. Every attempt has a number; what is reported about an older one is ignored. Events
/// return orders for the driver; whatever else should happen happens at `deadline`, when the driver calls `looked` and `timedOut(now:)`.
struct DestinationMachine {
    enum Order: Sendable, Equatable {
        /// Wait until no other session to the URL is open, then call `leaseGranted`.
        case acquire(UInt64)
        /// Open the connection, then call `connected` or `failed`.
        case connect(UInt64)
        /// Say goodbye, close, then call `closed`.
        case finish(UInt64)
        /// Close without a word, whatever is still unsent, then call `closed`.
        case abort(UInt64)
    }

    private struct Live {
        let attempt: UInt64
        let since: NIODeadline
        var checkAt: NIODeadline
        var isStalled = false
        var delivery = DeliveryWatch()
        var acknowledgements = AcknowledgementWatch()
    }

    private enum AfterClosing {
        case idle
        case retrying(until: NIODeadline)
        case failed
        case stopped
    }

    private enum Phase {
        case idle
        case queued(UInt64, hasToWait: Bool)
        case connecting(UInt64, deadline: NIODeadline)
        case publishing(UInt64, deadline: NIODeadline)
        case live(Live)
        case closing(UInt64, then: AfterClosing, deadline: NIODeadline, isAborted: Bool)
        case retrying(until: NIODeadline)
        case failed
        case stopped
    }

    private var phase = Phase.idle
    private let timing: DestinationConfiguration.Timing
    private let republishLimit: Int
    private let checkPeriod: TimeAmount
    private var delay: RetryDelay
    private var isUsable = true
    private var isStarted = false
    private(set) var streamIsLive = false
    /// The stream has ended; until then it may come back.
    private(set) var heldUntil: NIODeadline?
    private var heldSince: NIODeadline?
    /// There is something to send while the stream is away.
    private var isFilled = false
    /// The publisher is not expected back for longer than the grace window.
    private var saidGoodbye = false
    private var lastAttempt: UInt64 = 0
    private var brokeWhileLive = false

    /// Failed attempts in a row since the last push that stayed up.
    private(set) var failures = 0
    private var refusals = 0
    private var lastFailure: DestinationFailure?

    init(configuration: DestinationConfiguration, seed: UInt64) {
        self.timing = configuration.timing
        self.republishLimit = configuration.republishLimit
        // However rarely it is asked for: only a look can find that nothing arrives any more.
        let rarest = TimeAmount.nanoseconds(configuration.timing.stall.nanoseconds / 4)
        self.checkPeriod = max(min(configuration.healthCheckPeriod, rarest), .milliseconds(100))
        self.delay = RetryDelay(seed: seed)
    }

    // MARK: What it is now

    var state: DestinationState {
        switch self.phase {
        case .idle, .closing(_, .idle, _, _): .idle
        case .queued, .connecting, .publishing: .connecting
        case .live(let live): live.isStalled ? .stalled : .live
        case .retrying, .closing(_, .retrying, _, _): .retrying
        case .failed, .closing(_, .failed, _, _): .failed
        case .stopped, .closing(_, .stopped, _, _): .stopped
        }
    }

    /// The contract's word for it (contract section 5).
    var contractStatus: String {
        switch self.state {
        case .idle: self.lastAttempt == 0 ? "created" : "finished"
        case .connecting: "preparing"
        case .live: "broadcasting"
        case .stalled: "error"
        case .retrying: self.brokeWhileLive ? "error" : "failed"
        case .failed: "failed"
        case .stopped: "finished"
        }
    }

    /// What is wrong with the running push or holds it up, or why the last attempt failed; nil once a push has stayed up.
    var failure: DestinationFailure? {
        if case .queued(_, hasToWait: true) = self.phase { return .urlInUse }
        return self.state == .stalled ? .stalled : self.lastFailure
    }

    var nextTry: NIODeadline? {
        switch self.phase {
        case .retrying(let until), .closing(_, .retrying(let until), _, _): until
        default: nil
        }
    }

    /// When `timedOut` is to be called; nil: not before another event.
    var deadline: NIODeadline? {
        guard let heldUntil = self.heldUntil else { return self.phaseDeadline }
        return self.phaseDeadline.map { min($0, heldUntil) } ?? heldUntil
    }

    private var phaseDeadline: NIODeadline? {
        switch self.phase {
        case .connecting(_, let deadline), .publishing(_, let deadline), .closing(_, _, let deadline, _): deadline
        case .live(let live): live.checkAt
        case .retrying(let until): until
        case .idle, .queued, .failed, .stopped: nil
        }
    }

    /// Nothing is open and nothing will be opened again.
    var isStopped: Bool {
        if case .stopped = self.phase { true } else { false }
    }

    /// The attempt whose push is live.
    var liveAttempt: UInt64? {
        if case .live(let live) = self.phase { live.attempt } else { nil }
    }

    // MARK: What the stream and the owner do

    mutating func started(now: NIODeadline) -> [Order] {
        self.isStarted = true
        return self.openIfWanted()
    }

    /// The destination's URL is none that can be pushed to; nothing will ever be opened.
    mutating func unusable(_ failure: DestinationFailure) {
        self.isUsable = false
        self.lastFailure = failure
        self.phase = .failed
    }

    /// Also when a live stream's tracks change.
    mutating func streamBecameLive(now: NIODeadline) -> [Order] {
        let isBack = !self.streamIsLive
        self.streamIsLive = true
        self.heldUntil = nil
        self.heldSince = nil
        if isBack { self.beginAnew(now: now) }
        if case .failed = self.phase, self.lastFailure?.isFinal == true {
            // Its tracks are others now.
            self.forgetFailures()
            self.phase = .idle
        }
        if case .retrying = self.phase { return self.timedOut(now: now) }
        return self.openIfWanted()
    }

    /// What has been sent so far is all there is, unless the stream comes back within the grace window.
    mutating func streamEnded(now: NIODeadline) -> [Order] {
        // A publisher that left before it was live: the wait for the one before it goes on as it was.
        guard self.streamIsLive || self.heldUntil == nil else { return [] }
        self.streamIsLive = false
        if self.window > .zero, self.canBeHeld {
            self.heldSince = now
            self.heldUntil = now + self.window
            return []
        }
        return self.streamIsOver(now: now)
    }

    /// How long a stream that ended is waited for.
    private var window: TimeAmount { self.isFilled && !self.saidGoodbye ? max(self.timing.grace, self.timing.fill) : self.timing.grace }

    /// What kind of end the stream's was, or will turn out to be: the owner may know it before the stream is heard to have ended.
    mutating func publisherLeft(saidGoodbye: Bool, now: NIODeadline) -> [Order] {
        self.saidGoodbye = saidGoodbye
        if let since = self.heldSince, self.heldUntil != nil { self.heldUntil = since + self.window }
        return self.timedOut(now: now)
    }

    /// Whether there is something to send while the stream is away. What is held is held for as long as that may be sent; when it is gone, for a grace
    /// window from then on.
    mutating func fillChanged(isAvailable: Bool, now: NIODeadline) -> [Order] {
        guard isAvailable != self.isFilled else { return [] }
        let before = self.window
        self.isFilled = isAvailable
        if let since = self.heldSince, self.heldUntil != nil {
            self.heldUntil = isAvailable ? since + self.window : min(since + before, max(since, now) + self.timing.grace)
        }
        return self.openIfWanted()
    }

    /// Another stream, which is there, waits for the URL: this one is not waited for any longer.
    mutating func wantedElsewhere(now: NIODeadline) -> [Order] {
        guard !self.streamIsLive, self.heldUntil != nil else { return [] }
        self.heldUntil = nil
        self.heldSince = nil
        return self.streamIsOver(now: now)
    }

    /// Every publish is a beginning (contract 5): what went wrong in the last one is no reason not to try. Only who refused the key is left alone for a
    /// while, whatever the publisher does.
    private mutating func beginAnew(now: NIODeadline) {
        switch self.phase {
        case .retrying(let until):
            self.failures = 0
            self.phase = .retrying(until: self.firstTry(now: now, before: until))
        case .closing(let attempt, .retrying(let until), let deadline, let isAborted):
            self.failures = 0
            self.phase = .closing(
                attempt, then: .retrying(until: self.firstTry(now: now, before: until)), deadline: deadline, isAborted: isAborted)
        case .failed where self.isUsable:
            self.forgetFailures()
            self.phase = .idle
        case .closing(let attempt, .failed, let deadline, let isAborted):
            self.forgetFailures()
            self.phase = .closing(attempt, then: .idle, deadline: deadline, isAborted: isAborted)
        case .idle:
            self.failures = 0
        case .queued, .connecting, .publishing, .live, .closing, .failed, .stopped:
            break
        }
    }

    private func firstTry(now: NIODeadline, before until: NIODeadline) -> NIODeadline {
        self.refusals > 0 ? min(until, now + self.timing.firstRetryAfterRefusal) : now
    }

    /// There is something that the return of the stream would find to go on with. What was given up stays so until then.
    private var canBeHeld: Bool {
        switch self.phase {
        case .queued, .connecting, .publishing, .live, .retrying, .closing(_, .retrying, _, _): self.isUsable
        case .idle, .stopped, .failed, .closing: false
        }
    }

    /// A new stream starts with a clean record; what was given up is shown as that until then.
    private mutating func streamIsOver(now: NIODeadline) -> [Order] {
        switch self.phase {
        case .idle:
            self.forgetFailures()
            return []
        case .stopped, .failed:
            return []
        case .retrying:
            self.forgetFailures()
            self.phase = .idle
            return []
        case .closing(let attempt, .retrying, let deadline, let isAborted):
            self.forgetFailures()
            self.phase = .closing(attempt, then: .idle, deadline: deadline, isAborted: isAborted)
            return []
        case .closing:
            return []
        case .queued, .connecting, .publishing, .live:
            return self.leave(.idle, now: now)
        }
    }

    mutating func stopRequested(now: NIODeadline) -> [Order] {
        self.heldUntil = nil
        self.heldSince = nil
        switch self.phase {
        case .stopped:
            return []
        case .idle, .retrying, .failed:
            self.phase = .stopped
            return []
        case .closing(let attempt, _, let deadline, let isAborted):
            self.phase = .closing(attempt, then: .stopped, deadline: deadline, isAborted: isAborted)
            return []
        case .queued, .connecting, .publishing, .live:
            return self.leave(.stopped, now: now)
        }
    }

    // MARK: What the connection does

    /// Somebody else has a session to the URL; `leaseGranted` follows when that has ended.
    mutating func urlIsTaken(_ attempt: UInt64) {
        guard case .queued(attempt, _) = self.phase else { return }
        self.phase = .queued(attempt, hasToWait: true)
    }

    mutating func leaseGranted(_ attempt: UInt64, now: NIODeadline) -> [Order] {
        guard case .queued(attempt, _) = self.phase else { return [] }
        // It may have ended while another session to the URL did. No order: the lease goes back.
        guard self.mayOpen else {
            self.phase = .idle
            return []
        }
        self.phase = .connecting(attempt, deadline: now + self.timing.connect)
        return [.connect(attempt)]
    }

    /// TCP is up.
    mutating func connected(_ attempt: UInt64, now: NIODeadline) {
        guard case .connecting(attempt, _) = self.phase else { return }
        self.phase = .publishing(attempt, deadline: now + self.timing.publish)
    }

    /// The peer has accepted the publish. False when nobody waits for this attempt any more.
    mutating func publishAccepted(_ attempt: UInt64, now: NIODeadline) -> Bool {
        guard case .publishing(attempt, _) = self.phase else { return false }
        self.phase = .live(Live(attempt: attempt, since: now, checkAt: now + self.checkPeriod))
        return true
    }

    /// What is to be sent from now on is none of what the session was opened for: it ends, and another one follows.
    mutating func sessionOutdated(now: NIODeadline) -> [Order] {
        guard case .live(let live) = self.phase else { return [] }
        self.phase = .closing(live.attempt, then: .idle, deadline: now + self.timing.close, isAborted: false)
        return [.finish(live.attempt)]
    }

    /// Something went wrong, and the connection must be closed if there is one.
    mutating func failed(_ attempt: UInt64, _ failure: DestinationFailure, now: NIODeadline) -> [Order] {
        guard self.current == attempt else { return [] }
        return self.giveUp(attempt, failure, isClosed: false, now: now)
    }

    /// The connection is gone, asked for or not; a connect that came to nothing counts as one.
    mutating func closed(_ attempt: UInt64, _ failure: DestinationFailure, now: NIODeadline) -> [Order] {
        if case .closing(attempt, let then, _, _) = self.phase {
            return self.settle(then, now: now)
        }
        guard self.current == attempt else { return [] }
        return self.giveUp(attempt, failure, isClosed: true, now: now)
    }

    // MARK: Progress

    /// The kernel took `bytes` for sending.
    mutating func wrote(_ attempt: UInt64, bytes: Int) {
        guard case .live(var live) = self.phase, live.attempt == attempt else { return }
        live.acknowledgements.sent(bytes: bytes)
        self.phase = .live(live)
    }

    /// What the transport knew of the deliveries of the live push when it was looked at, which is to be done before each `timedOut`.
    mutating func looked(at delivery: Delivery, now: NIODeadline) {
        guard case .live(var live) = self.phase else { return }
        live.delivery.looked(at: delivery, now: now)
        self.phase = .live(live)
    }

    mutating func acknowledged(_ attempt: UInt64, sequence: UInt32, now: NIODeadline) {
        guard case .live(var live) = self.phase, live.attempt == attempt else { return }
        live.acknowledgements.received(sequence: sequence, now: now)
        self.phase = .live(live)
    }

    // MARK: Time

    mutating func timedOut(now: NIODeadline) -> [Order] {
        if let heldUntil = self.heldUntil, now >= heldUntil {
            self.heldUntil = nil
            self.heldSince = nil
            return self.streamIsOver(now: now)
        }
        guard let deadline = self.phaseDeadline, now >= deadline else { return [] }
        switch self.phase {
        case .connecting(let attempt, _):
            return self.giveUp(attempt, .connectTimedOut, isClosed: false, now: now)
        case .publishing(let attempt, _):
            return self.giveUp(attempt, .publishTimedOut, isClosed: false, now: now)
        case .live(let live):
            return self.check(live, now: now)
        case .closing(let attempt, let then, _, let isAborted):
            // A hard close takes no time. If even that is not reported, the attempt is over: its late events will be ignored.
            if isAborted { return self.settle(then, now: now) }
            return self.abort(attempt, then: then, now: now)
        case .retrying:
            self.phase = .idle
            return self.openIfWanted()
        case .idle, .queued, .failed, .stopped:
            return []
        }
    }

    private mutating func check(_ live: Live, now: NIODeadline) -> [Order] {
        func isSilent(for patience: TimeAmount) -> Bool {
            live.delivery.isSilent(for: patience, now: now) || live.acknowledgements.hasStalled(now: now, patience: patience)
        }
        if isSilent(for: self.timing.stall) { return self.giveUp(live.attempt, .stalled, isClosed: false, now: now) }
        var live = live
        live.isStalled = isSilent(for: self.suspicion)
        if now - live.since >= self.timing.proven, !live.isStalled { self.forgetFailures() }
        live.checkAt = now + self.checkPeriod
        if let since = live.delivery.silentSince {
            for due in [since + self.suspicion, since + self.timing.stall] where due > now { live.checkAt = min(live.checkAt, due) }
        }
        self.phase = .live(live)
        return []
    }

    /// After so much silence a push is shown as stalled. Half of what it is given up after, so that who looks knows before it is.
    private var suspicion: TimeAmount { .nanoseconds(self.timing.stall.nanoseconds / 2) }

    // MARK: Transitions

    /// The attempt that is under way, unless it is being closed already.
    private var current: UInt64? {
        switch self.phase {
        case .queued(let attempt, _), .connecting(let attempt, _), .publishing(let attempt, _): attempt
        case .live(let live): live.attempt
        case .idle, .closing, .retrying, .failed, .stopped: nil
        }
    }

    /// There is something to send.
    private var mayOpen: Bool { self.isStarted && (self.streamIsLive || self.isFilled && self.heldUntil != nil) }

    private mutating func openIfWanted() -> [Order] {
        guard self.mayOpen, case .idle = self.phase else { return [] }
        self.lastAttempt += 1
        self.phase = .queued(self.lastAttempt, hasToWait: false)
        return [.acquire(self.lastAttempt)]
    }

    /// Ends the current attempt because it is no longer wanted.
    private mutating func leave(_ then: AfterClosing, now: NIODeadline) -> [Order] {
        guard let attempt = self.current else { return [] }
        if case .idle = then { self.forgetFailures() }
        switch self.phase {
        case .queued:
            return [.abort(attempt)] + self.settle(then, now: now)
        case .live, .publishing:
            self.phase = .closing(attempt, then: then, deadline: now + self.timing.close, isAborted: false)
            return [.finish(attempt)]
        default:
            return self.abort(attempt, then: then, now: now)
        }
    }

    /// Ends the current attempt because it failed; the wait for the next one runs while the connection closes.
    private mutating func giveUp(_ attempt: UInt64, _ failure: DestinationFailure, isClosed: Bool, now: NIODeadline) -> [Order] {
        if case .live(let live) = self.phase {
            if now - live.since >= self.timing.proven { self.forgetFailures() }
            self.brokeWhileLive = true
        } else {
            self.brokeWhileLive = false
        }
        self.lastFailure = failure
        self.failures += 1
        self.refusals = failure.isRefusal ? self.refusals + 1 : 0
        let then = self.afterFailure(now: now)
        return isClosed ? self.settle(then, now: now) : self.abort(attempt, then: then, now: now)
    }

    private mutating func abort(_ attempt: UInt64, then: AfterClosing, now: NIODeadline) -> [Order] {
        self.phase = .closing(attempt, then: then, deadline: now + .nanoseconds(self.timing.close.nanoseconds / 3), isAborted: true)
        return [.abort(attempt)]
    }

    private mutating func afterFailure(now: NIODeadline) -> AfterClosing {
        if self.lastFailure?.isFinal == true || self.republishLimit >= 0 && self.failures > self.republishLimit { return .failed }
        let wait =
            self.refusals > 0
            ? self.delay.next(failures: self.refusals, first: self.timing.firstRetryAfterRefusal, longest: self.timing.longestRetry)
            : self.delay.next(failures: self.failures, first: self.timing.firstRetry, longest: self.timing.longestRetry)
        return .retrying(until: now + wait)
    }

    private mutating func settle(_ then: AfterClosing, now: NIODeadline) -> [Order] {
        switch then {
        case .idle:
            self.phase = .idle
            return self.openIfWanted()  // the stream may have come back while its last session was being closed
        case .retrying(let until):
            self.phase = .retrying(until: until)
            return self.timedOut(now: now)
        case .failed:
            self.phase = .failed
        case .stopped:
            self.phase = .stopped
        }
        return []
    }

    private mutating func forgetFailures() {
        self.failures = 0
        self.refusals = 0
        self.lastFailure = nil
        self.brokeWhileLive = false
    }
}
