import NIOCore
import SRT

/// One viewer of a stream: its cursor into the log of transport packets. Confined to its fan-out's thread.
///
/// libsrt keeps what it is given until the peer has confirmed it, so a viewer on a slow way shows by how much waits there. It is given nothing then;
/// when it has fallen out of the log it goes on at the newest keyframe, and when nothing moves for long it is given up. What lies ready when it begins, or
/// goes on, is given to it at twice the stream's rate (`SRTPace`).
final class SRTViewer {
    enum Outcome {
        case hasEverything
        /// Look again soon.
        case isBusy
        case isGone
    }

    /// About what one stretch out of the log holds.
    private static let batchBytes = 256 << 10
    /// What may be under way at least, in milliseconds; on ways with a larger latency as much as that.
    private static let leastUnconfirmed = 1_000
    /// So long nothing is confirmed while something waits.
    private static let stall = TimeAmount.seconds(10)

    let connection: SRTConnection
    private let mostUnconfirmed: Int
    private var cursor: Int?
    private var rest = ByteBuffer()
    private var hasStarted = false
    private var pace = SRTPace()
    /// Since when it has taken nothing of what waits for it.
    private var busySince: NIODeadline?
    /// How often it fell out of the log.
    private(set) var skips = 0
    private let joinedAt: NIODeadline

    init(_ connection: SRTConnection, now: NIODeadline) {
        self.connection = connection
        self.joinedAt = now
        self.mostUnconfirmed = max(connection.socket.peerLatency, Self.leastUnconfirmed)
    }

    /// Whether it has waited for so long for a stream that has given nothing since then.
    func hasWaited(for patience: TimeAmount, since idleSince: NIODeadline, now: NIODeadline) -> Bool {
        Self.hasWaited(from: self.joinedAt, for: patience, since: idleSince, now: now)
    }

    static func hasWaited(from joinedAt: NIODeadline, for patience: TimeAmount, since idleSince: NIODeadline, now: NIODeadline) -> Bool {
        now - max(idleSince, joinedAt) > patience
    }

    /// The stretch that was taken out of the log last, for viewers who stand at the same place.
    struct SharedBatch {
        fileprivate var cursor: Int?
        fileprivate var batch: MessageLog.Batch?
    }

    /// Gives it what the log has for it. `shared` holds for as long as the log is as it is.
    func serve(from log: MessageLog, shared: inout SharedBatch, now: NIODeadline) -> Outcome {
        while true {
            switch self.sendRest(rate: log.rate, now: now) {
            case .taken: break
            case .full: return self.busy(now)
            case .lost: return .isGone
            }
            guard self.connection.socket.unconfirmedMilliseconds < self.mostUnconfirmed else { return self.busy(now) }
            guard case .bytes(let bytes, let next, let isStart, _) = self.batch(of: log, &shared) else { return .hasEverything }
            if isStart {
                if self.hasStarted { self.skips += 1 }
                self.hasStarted = true
            }
            self.rest = bytes
            self.cursor = next
        }
    }

    private func busy(_ now: NIODeadline) -> Outcome {
        let since = self.busySince ?? now
        self.busySince = since
        return now - since > Self.stall ? .isGone : .isBusy
    }

    private func batch(of log: MessageLog, _ shared: inout SharedBatch) -> MessageLog.Batch {
        if let batch = shared.batch, shared.cursor == self.cursor { return batch }
        let batch = log.batch(from: self.cursor, limit: Self.batchBytes)
        shared = SharedBatch(cursor: self.cursor, batch: batch)
        return batch
    }

    /// `full` also when it is too early for more.
    private func sendRest(rate: Int, now: NIODeadline) -> SRTSocket.Sent {
        while self.rest.readableBytes > 0 {
            guard self.pace.allowance(now: now.uptimeNanoseconds, rate: rate) > 0 else { return .full }
            let sent = self.rest.withUnsafeReadableBytes { bytes in
                let size = min(bytes.count, SRTParameters.payloadSize)
                return self.connection.socket.send(UnsafeRawBufferPointer(rebasing: bytes[..<size]))
            }
            guard sent == .taken else { return sent }
            self.busySince = nil
            let size = min(self.rest.readableBytes, SRTParameters.payloadSize)
            self.pace.sent(bytes: size)
            self.rest.moveReaderIndex(forwardBy: size)
        }
        return .taken
    }
}
