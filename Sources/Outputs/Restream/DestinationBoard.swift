import Logging
import NIOCore
import Streams
import Synchronization

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// What a destination shows of itself: the status anybody may read, the owner's callback, the log. Written by the driver, read from anywhere.
final class DestinationBoard: Sendable {
    private struct State {
        var status: DestinationStatus
        /// Frames that readers of earlier pushes lost.
        var droppedBefore: UInt64 = 0
        var nextTry: NIODeadline?
        var heldUntil: NIODeadline?
        var rate = RateMeter(seconds: 10)
    }

    private let state: Mutex<State>
    private let logger: Logger
    private let onChange: @Sendable (DestinationStatus) -> Void

    init(id: String, logger: Logger, onChange: @escaping @Sendable (DestinationStatus) -> Void) {
        self.state = Mutex(State(status: DestinationStatus(id: id)))
        self.logger = logger
        self.onChange = onChange
    }

    var status: DestinationStatus {
        let now = NIODeadline.now()
        return self.state.withLock { state in
            var status = state.status
            status.bitrate = state.rate.perSecond(now: now) * 8
            return status
        }
    }

    func sent(bytes: Int, now: NIODeadline) {
        self.state.withLock { state in
            state.status.bytesSent &+= UInt64(bytes)
            state.rate.count(bytes, now: now)
        }
    }

    /// `frames` is what the current reader has lost so far; with `isFinal` another reader follows.
    func dropped(frames: Int, isFinal: Bool) {
        self.state.withLock { state in
            state.status.droppedFrames = state.droppedBefore &+ UInt64(frames)
            if isFinal { state.droppedBefore = state.status.droppedFrames }
        }
    }

    /// Brings the status up to the machine's; tells the owner of a change and the log of a new state.
    /// - Parameter feeding: nil while nothing is connected.
    func show(_ machine: DestinationMachine, feeding: DestinationFeeding? = nil, slateProblem: String? = nil, address: (any PushAddress)?) {
        let failure = machine.failure
        let lastError = failure.map { address?.redact($0.text) ?? $0.text }
        let (changed, before): (DestinationStatus?, DestinationStatus) = self.state.withLock { state in
            let before = state.status
            state.status.state = machine.state
            state.status.feeding = feeding
            state.status.slateProblem = slateProblem
            state.status.contractStatus = machine.contractStatus
            state.status.attempts = machine.failures
            state.status.lastError = lastError
            state.status.errorClass = failure?.kind
            if state.nextTry != machine.nextTry {
                state.nextTry = machine.nextTry
                state.status.nextTryAtMilliseconds = machine.nextTry.map { Self.wallClock(at: $0) }
            }
            if state.heldUntil != machine.heldUntil {
                state.heldUntil = machine.heldUntil
                state.status.heldUntilMilliseconds = machine.heldUntil.map { Self.wallClock(at: $0) }
            }
            if machine.state != before.state {
                let now = Self.wallClock(at: .now())
                state.status.sinceMilliseconds = now
                switch machine.state {
                case .live where before.state != .stalled: state.status.connectedAtMilliseconds = now
                case .live, .stalled: break
                default: state.status.connectedAtMilliseconds = nil
                }
            }
            return (state.status == before ? nil : state.status, before)
        }
        guard let changed else { return }
        if changed.state != before.state {
            self.log(changed, address: address)
        } else if changed.feeding != before.feeding {
            self.logFeeding(changed)
        }
        if changed.slateProblem != before.slateProblem, let problem = changed.slateProblem {
            self.logger.warning("no slate for a destination", metadata: ["endpoint": "\(changed.id)", "reason": "\(problem)"])
        }
        self.onChange(changed)
    }

    private func log(_ status: DestinationStatus, address: (any PushAddress)?) {
        var metadata: Logger.Metadata = ["endpoint": "\(status.id)", "state": "\(status.state.rawValue)"]
        if let address { metadata["url"] = "\(address.redactedURL)" }
        if status.attempts > 0 { metadata["failures"] = "\(status.attempts)" }
        let isTrouble = [.stalled, .retrying, .failed].contains(status.state)
        if let error = status.lastError, isTrouble || status.errorClass == .urlInUse { metadata["error"] = "\(error)" }
        if let next = status.nextTryAtMilliseconds { metadata["retry_in_ms"] = "\(next - Self.wallClock(at: .now()))" }
        self.logger.log(level: isTrouble ? .warning : .info, "restream destination changed", metadata: metadata)
    }

    private func logFeeding(_ status: DestinationStatus) {
        guard let feeding = status.feeding else { return }
        self.logger.info("restream destination is fed otherwise", metadata: ["endpoint": "\(status.id)", "feeding": "\(feeding.rawValue)"])
    }

    /// Milliseconds since 1970 when the monotonic clock shows `deadline`.
    private static func wallClock(at deadline: NIODeadline) -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let now = Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
        return now + (deadline - .now()).nanoseconds / 1_000_000
    }
}
