import AV
import NIOCore
import SRT
import Synchronization

/// The SRT connection of one attempt: name lookup, handshake, sending, and its end. Of the shape of `PushConnection`: owned by whoever drives a
/// destination, orders and events on one event loop.
///
/// Whatever happens, `closed` is reported exactly once, last, when the socket is gone; the URL's lease is given back then and not before.
///
/// `@unchecked Sendable`: what changes is touched on `eventLoop` only; `Worker` has what its thread needs.
final class SRTPush: @unchecked Sendable {
    enum Event {
        /// The peer has taken the connection, which with SRT is all there is to accept.
        case publishAccepted(SRTPushFeed)
        /// The peer's library has confirmed enough that so many bytes, given to `write`, no longer count as waiting.
        case wrote(Int)
        case closed(DestinationFailure)
    }

    private enum Stage {
        case idle
        case lookingUp
        case running(Worker)
        case over
    }

    let attempt: UInt64
    private let target: SRTTarget
    private let network: DestinationNetwork
    private let eventLoop: any EventLoop
    private let connectTimeout: TimeAmount
    private let lease: DestinationURLRegistry.Lease
    private let report: (Event) -> Void
    private var stage = Stage.idle

    init(
        attempt: UInt64, target: SRTTarget, network: DestinationNetwork, eventLoop: any EventLoop, connectTimeout: TimeAmount,
        lease: DestinationURLRegistry.Lease, report: @escaping (Event) -> Void
    ) {
        self.attempt = attempt
        self.target = target
        self.network = network
        self.eventLoop = eventLoop
        self.connectTimeout = connectTimeout
        self.lease = lease
        self.report = report
    }

    /// How the way to the peer fares; nil until it stands and when it is gone.
    var statistics: SRTStatistics? {
        if case .running(let worker) = self.stage { worker.statistics } else { nil }
    }

    // MARK: Orders

    func open() {
        guard case .idle = self.stage else { return }
        self.stage = .lookingUp
        let route = self.network.route(host: self.target.host, port: self.target.port, isSecure: false, on: self.eventLoop)
        route.whenDone { result in
            guard case .lookingUp = self.stage else { return }
            switch result {
            case .success(let route): self.connect(route.addresses)
            case .failure(let error): self.end(.connectFailed(DestinationFailure.describe(error)))
            }
        }
    }

    /// Whole transport packets, after the publish was accepted. `wrote` says how much has left.
    func write(_ bytes: ByteBuffer) {
        guard case .running(let worker) = self.stage else { return }
        worker.send(bytes)
    }

    /// Sends what waits, then closes.
    func finish() {
        guard case .running(let worker) = self.stage else { return self.abort() }
        worker.finish()
    }

    /// Closes at once, whatever is unsent.
    func abort() {
        switch self.stage {
        case .idle, .lookingUp: self.end(.closedByPeer)
        case .running(let worker): worker.abort()
        case .over: break
        }
    }

    // MARK: What the thread says

    private func connect(_ addresses: [SocketAddress]) {
        // These addresses and no others: a name looked up again might have others by then.
        let known = addresses.compactMap { address in address.withSockAddr { SRTAddress($0, length: $1) } }
        let worker = Worker(target: self.target) { [weak self, eventLoop] event in
            eventLoop.execute { [weak self] in self?.received(event) }
        }
        self.stage = .running(worker)
        if !worker.connect(to: known, within: Int(self.connectTimeout.nanoseconds / 1_000_000)) { self.end(.connectFailed("no thread")) }
    }

    private func received(_ event: Worker.Event) {
        switch event {
        case .connected: self.report(.publishAccepted(SRTPushFeed()))
        case .sent(let count): self.report(.wrote(count))
        case .ended(let failure): self.end(self.redacted(failure))
        }
    }

    private func redacted(_ failure: DestinationFailure) -> DestinationFailure {
        switch failure {
        case .connectFailed(let text): .connectFailed(self.target.redact(text))
        case .refused(let text): .refused(self.target.redact(text))
        default: failure
        }
    }

    private func end(_ failure: DestinationFailure) {
        if case .over = self.stage { return }
        self.stage = .over
        self.lease.release()
        self.report(.closed(failure))
    }
}

extension SRTPush {
    /// The thread of a push: everything on it may wait.
    fileprivate final class Worker: Sendable {
        enum Event: Sendable {
            case connected
            case sent(Int)
            case ended(DestinationFailure)
        }

        /// What may be under way at least, in milliseconds; on ways with a larger latency as much as that.
        private static let leastUnconfirmed = 1_000
        /// For what is still under way when the push ends.
        private static let farewell = 800
        private static let longestPlayout = 500

        private let target: SRTTarget
        private let report: @Sendable (Event) -> Void
        private let executor = BlockingExecutor(name: "srt-push", waiting: 4_096)
        private let isAborted = Atomic<Bool>(false)
        private let link = Mutex<(caller: SRTCaller?, socket: SRTSocket?, hasEnded: Bool)>((nil, nil, false))

        init(target: SRTTarget, report: @escaping @Sendable (Event) -> Void) {
            self.target = target
            self.report = report
        }

        var statistics: SRTStatistics? { self.link.withLock { $0.socket }?.statistics() }

        /// False when there is no thread for it.
        func connect(to addresses: [SRTAddress], within milliseconds: Int) -> Bool {
            self.executor.execute { self.runConnect(addresses, milliseconds) }
        }

        func send(_ bytes: ByteBuffer) {
            if !self.executor.execute({ self.runSend(bytes) }) { self.abort() }
        }

        func finish() {
            self.executor.execute {
                if let socket = self.link.withLock({ $0.socket }) {
                    socket.waitUntilConfirmed(milliseconds: Self.farewell)
                    // What the peer has but does not show yet is lost with the connection.
                    if socket.isConnected { SRTSocket.nap(milliseconds: min(socket.peerLatency + 20, Self.longestPlayout)) }
                }
                self.end(.closedByPeer)
            }
        }

        func abort() {
            self.isAborted.store(true, ordering: .releasing)
            self.link.withLock { $0.caller }?.cancel()
            self.executor.execute { self.end(.closedByPeer) }
        }

        // MARK: On the thread

        private func runConnect(_ addresses: [SRTAddress], _ milliseconds: Int) {
            var failure = DestinationFailure.connectFailed("no address")
            for address in addresses.prefix(4) where !self.isAborted.load(ordering: .acquiring) {
                let caller = SRTCaller(address: address, parameters: self.target.parameters)
                self.link.withLock { $0.caller = caller }
                do throws(SRTFailure) {
                    let socket = try caller.connect(within: milliseconds)
                    self.link.withLock { $0.socket = socket }
                    return self.report(.connected)
                } catch {
                    failure = DestinationFailure(error)
                    // Another address of a host that said no will say no.
                    if case .rejected = error.cause { break }
                }
            }
            self.end(failure)
        }

        private func runSend(_ bytes: ByteBuffer) {
            guard let socket = self.link.withLock({ $0.socket }) else { return }
            let limit = max(socket.peerLatency, Self.leastUnconfirmed)
            var rest = bytes
            while rest.readableBytes > 0, !self.isAborted.load(ordering: .acquiring) {
                let size = min(rest.readableBytes, SRTParameters.payloadSize)
                let sent = rest.withUnsafeReadableBytes { socket.send(UnsafeRawBufferPointer(rebasing: $0[..<size])) }
                switch sent {
                case .taken: rest.moveReaderIndex(forwardBy: size)
                case .full: SRTSocket.nap(milliseconds: 5)
                case .lost: return self.end(.closedByPeer)
                }
            }
            // Not sent in the sense of progress before the peer keeps up.
            while socket.unconfirmedMilliseconds > limit, !self.isAborted.load(ordering: .acquiring) {
                guard socket.isConnected else { return self.end(.closedByPeer) }
                SRTSocket.nap(milliseconds: 5)
            }
            self.report(.sent(bytes.readableBytes))
        }

        private func end(_ failure: DestinationFailure) {
            let socket = self.link.withLock { link -> SRTSocket?? in
                guard !link.hasEnded else { return nil }
                defer { link = (nil, nil, true) }
                return link.socket
            }
            guard let socket else { return }
            socket?.close()
            self.report(.ended(failure))
            self.executor.shutdown()
        }
    }
}

extension DestinationFailure {
    fileprivate init(_ failure: SRTFailure) {
        switch failure.cause {
        case .rejected(let reason): self = .refused("\(reason)")
        case .timedOut: self = .connectTimedOut
        case .cancelled: self = .closedByPeer
        case .connectionLost, .invalidParameter, .library: self = .connectFailed(failure.text)
        }
    }
}
