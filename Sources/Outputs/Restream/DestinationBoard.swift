import Logging
import NIOCore
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
    }

    private let state: Mutex<State>
    private let logger: Logger
    private let onChange: @Sendable (DestinationStatus) -> Void

    init(id: String, logger: Logger, onChange: @escaping @Sendable (DestinationStatus) -> Void) {
        self.state = Mutex(State(status: DestinationStatus(id: id)))
        self.logger = logger
        self.onChange = onChange
    }

    var status: DestinationStatus { self.state.withLock { $0.status } }

    func sent(bytes: Int) {
        self.state.withLock { $0.status.bytesSent &+= UInt64(bytes) }
    }

    /// `frames` is what the current reader has lost so far; with `isFinal` another reader follows.
    func dropped(frames: Int, isFinal: Bool) {
        self.state.withLock { state in
            state.status.droppedFrames = state.droppedBefore &+ UInt64(frames)
            if isFinal { state.droppedBefore = state.status.droppedFrames }
        }
    }

    /// Brings the status up to the machine's; tells the owner of a change and the log of a new state.
    func show(_ machine: DestinationMachine, target: PushTarget?) {
        let lastError = machine.lastFailure.map { target?.redact($0.text) ?? $0.text }
        let (changed, previous): (DestinationStatus?, DestinationState) = self.state.withLock { state in
            let before = state.status
            state.status.state = machine.state
            state.status.contractStatus = machine.contractStatus
            state.status.attempts = machine.failures
            state.status.lastError = lastError
            if state.nextTry != machine.nextTry {
                state.nextTry = machine.nextTry
                state.status.nextTryAtMilliseconds = machine.nextTry.map { Self.wallClock(at: $0) }
            }
            if machine.state != before.state {
                state.status.connectedAtMilliseconds = machine.state == .live ? Self.wallClock(at: .now()) : nil
            }
            return (state.status == before ? nil : state.status, before.state)
        }
        guard let changed else { return }
        if changed.state != previous { self.log(changed, target: target) }
        self.onChange(changed)
    }

    private func log(_ status: DestinationStatus, target: PushTarget?) {
        var metadata: Logger.Metadata = ["endpoint": "\(status.id)", "state": "\(status.state.rawValue)"]
        if let target { metadata["url"] = "\(target.redactedURL)" }
        if status.attempts > 0 { metadata["failures"] = "\(status.attempts)" }
        if let error = status.lastError, status.state == .retrying || status.state == .failed { metadata["error"] = "\(error)" }
        if let next = status.nextTryAtMilliseconds { metadata["retry_in_ms"] = "\(next - Self.wallClock(at: .now()))" }
        let level: Logger.Level =
            switch status.state {
            case .retrying, .failed: .warning
            default: .info
            }
        self.logger.log(level: level, "restream destination changed", metadata: metadata)
    }

    /// Milliseconds since 1970 when the monotonic clock shows `deadline`.
    private static func wallClock(at deadline: NIODeadline) -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let now = Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
        return now + (deadline - .now()).nanoseconds / 1_000_000
    }
}
