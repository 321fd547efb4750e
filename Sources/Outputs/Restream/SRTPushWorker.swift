import AV
import NIOCore
import SRT
import Synchronization

/// The thread of one SRT push, on which everything may wait: the handshake, sending, the end. Owned by `SRTPush`.
///
/// Whatever happens, `ended` is reported exactly once, last, when the socket is gone.
final class SRTPushWorker: Sendable {
    enum Event: Sendable {
        case connected
        /// So many of the bytes that `send` was given no longer wait for a peer that is too slow for them.
        case sent(Int)
        case ended(DestinationFailure)
    }

    private struct Link {
        var caller: SRTCaller?
        var socket: SRTSocket?
        var hasEnded = false
    }

    /// What libsrt was given, and when the peer was last known to follow.
    private struct Progress {
        var taken: UInt64 = 0
        var acknowledged: UInt64 = 0
        var movedAt = ContinuousClock.now

        /// `waiting`: datagrams that the peer has not confirmed yet.
        mutating func looked(waiting: Int) -> Delivery {
            let acknowledged = self.taken - min(self.taken, UInt64(waiting))
            if acknowledged != self.acknowledged || waiting == 0 { self.movedAt = .now }
            self.acknowledged = acknowledged
            return Delivery(acknowledged: acknowledged, isOutstanding: waiting > 0)
        }
    }

    /// What may be under way at least, in milliseconds; on ways with a larger latency as much as that.
    private static let leastUnconfirmed = 1_000
    /// For what is still under way when the push ends, and for what the peer holds back, milliseconds.
    private static let farewell = 800
    private static let longestPlayout = 500
    /// How often a push that sends nothing looks whether there still is a peer.
    private static let lookInterval = Duration.milliseconds(500)
    private static let mostAddresses = 4

    private let parameters: SRTParameters
    private let report: @Sendable (Event) -> Void
    private let executor = BlockingExecutor(name: "srt-push", waiting: 4_096)
    private let isAborted = Atomic<Bool>(false)
    private let link = Mutex(Link())
    private let progress = Mutex(Progress())
    private let pace = Mutex(SRTPace())

    init(parameters: SRTParameters, report: @escaping @Sendable (Event) -> Void) {
        self.parameters = parameters
        self.report = report
    }

    // MARK: From any thread

    /// False when there is no thread for it.
    func connect(to addresses: [SRTAddress], within milliseconds: Int) -> Bool {
        self.executor.execute { self.runConnect(Array(addresses.prefix(Self.mostAddresses)), milliseconds) }
    }

    /// - Parameter rate: of the stream, bytes per second. What has gathered leaves at twice that (`SRTPace`).
    func send(_ bytes: ByteBuffer, rate: Int) {
        if !self.executor.execute({ self.runSend(bytes, rate) }) { self.abort() }
    }

    /// Sends what waits, then closes.
    func finish() {
        if !self.executor.execute({ self.runFinish() }) { self.abort() }
    }

    /// Closes at once, whatever is unsent.
    func abort() {
        self.isAborted.store(true, ordering: .releasing)
        self.link.withLock { $0.caller }?.cancel()
        // Refused only when other jobs wait: they end it then.
        self.executor.execute { self.end(.closedByPeer) }
    }

    /// In datagrams, as libsrt counts those that the peer has confirmed. Nil before the connection stands and after it.
    var delivery: Delivery? {
        self.link.withLock { $0.socket }.map { self.look(at: $0) }
    }

    private func look(at socket: SRTSocket) -> Delivery {
        self.progress.withLock { $0.looked(waiting: socket.unconfirmedDatagrams) }
    }

    // MARK: On the thread

    private func runConnect(_ addresses: [SRTAddress], _ milliseconds: Int) {
        var failure = DestinationFailure.connectFailed("no address")
        for address in addresses where !self.isAborted.load(ordering: .acquiring) {
            let caller = SRTCaller(address: address, parameters: self.parameters)
            self.link.withLock { $0.caller = caller }
            // `abort` has not seen this one, or it sees it now.
            if self.isAborted.load(ordering: .acquiring) { break }
            do throws(SRTFailure) {
                // Each has its share, since one may hold its silence all the time.
                let socket = try caller.connect(within: milliseconds / addresses.count)
                self.link.withLock { $0.socket = socket }
                self.report(.connected)
                return self.runLook()
            } catch {
                failure = DestinationFailure(error)
                // Another address of a host that said no will say no.
                if case .rejected = error.cause { break }
            }
        }
        // Aborted before there was anything to cancel: no address was tried, and none is to blame.
        self.end(self.isAborted.load(ordering: .acquiring) ? .closedByPeer : failure)
    }

    /// Now and again: a peer that goes while nothing is sent is noticed too.
    private func runLook() {
        guard let socket = self.usableSocket() else { return }
        _ = self.look(at: socket)
        self.executor.execute(after: Self.lookInterval) { self.runLook() }
    }

    /// Nil, and all is ended, when there is none to send on.
    private func usableSocket() -> SRTSocket? {
        let (socket, hasEnded) = self.link.withLock { ($0.socket, $0.hasEnded) }
        guard !hasEnded, let socket else { return nil }
        if self.isAborted.load(ordering: .acquiring) {
            self.end(.closedByPeer)
            return nil
        }
        guard socket.isConnected else {
            self.end(self.loss)
            return nil
        }
        return socket
    }

    private func runSend(_ bytes: ByteBuffer, _ rate: Int) {
        guard let socket = self.usableSocket() else { return }
        let limit = max(socket.peerLatency, Self.leastUnconfirmed)
        var rest = bytes
        while rest.readableBytes > 0, !self.isAborted.load(ordering: .acquiring) {
            guard self.pace.withLock({ $0.allowance(now: NIODeadline.now().uptimeNanoseconds, rate: rate) }) > 0 else {
                SRTSocket.nap(milliseconds: 5)
                guard self.usableSocket() != nil else { return }
                continue
            }
            switch self.give(&rest, to: socket) {
            case .taken: break
            case .full: SRTSocket.nap(milliseconds: 5)
            case .lost: return self.end(self.loss)
            }
        }
        // Not sent, in the sense of progress, before the peer keeps up.
        while socket.unconfirmedMilliseconds > limit, self.usableSocket() != nil { SRTSocket.nap(milliseconds: 5) }
        guard self.usableSocket() != nil else { return }
        _ = self.look(at: socket)
        self.report(.sent(bytes.readableBytes))
    }

    private func give(_ bytes: inout ByteBuffer, to socket: SRTSocket) -> SRTSocket.Sent {
        let size = min(bytes.readableBytes, SRTParameters.payloadSize)
        // Counted in the same breath, so that a look finds both or neither.
        let sent = self.progress.withLock { progress in
            let sent = bytes.withUnsafeReadableBytes { socket.send(UnsafeRawBufferPointer(rebasing: $0[..<size])) }
            if sent == .taken { progress.taken += 1 }
            return sent
        }
        if sent == .taken {
            bytes.moveReaderIndex(forwardBy: size)
            self.pace.withLock { $0.sent(bytes: size) }
        }
        return sent
    }

    private func runFinish() {
        guard let socket = self.usableSocket() else { return }
        socket.waitUntilConfirmed(milliseconds: Self.farewell)
        // What the peer has but does not show yet is lost with the connection.
        if socket.isConnected { SRTSocket.nap(milliseconds: min(socket.peerLatency + 20, Self.longestPlayout)) }
        self.end(.closedByPeer)
    }

    /// Who says goodbye is gone at once; of who does not, nothing was heard for as long as libsrt has patience.
    private var loss: DestinationFailure {
        let silence = self.progress.withLock { ContinuousClock.now - $0.movedAt }
        guard silence > .milliseconds(self.parameters.peerIdleTimeout / 2) else { return .closedByPeer }
        return .writeFailed("nothing was heard of the server for \(self.parameters.peerIdleTimeout / 1000) s")
    }

    private func end(_ failure: DestinationFailure) {
        let (isFirst, socket) = self.link.withLock { link in
            defer { link = Link(hasEnded: true) }
            return (!link.hasEnded, link.socket)
        }
        guard isFirst else { return }
        socket?.close()
        self.report(.ended(failure))
        self.executor.shutdown()
    }
}

extension DestinationFailure {
    fileprivate init(_ failure: SRTFailure) {
        switch failure.cause {
        case .rejected(let reason):
            switch reason.kind {
            case .refusal: self = .refused("\(reason)")
            case .temporary: self = .connectFailed("\(reason)")
            case .incompatible: self = .protocolViolated("\(reason)")
            }
        case .timedOut: self = .connectTimedOut
        case .cancelled: self = .closedByPeer
        case .connectionLost, .invalidParameter, .library: self = .connectFailed(failure.text)
        }
    }
}
