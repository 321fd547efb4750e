import NIOCore
import NIOPosix
import NIOSSL
import RTMP

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// The socket of one attempt: name lookup, TCP, TLS, RTMP, and its end. Owned by `DestinationDriver`; confined to one event loop.
///
/// Whatever happens, `closed` is reported exactly once, last, when the socket is gone; the URL's lease is given back then and not before.
final class PushConnection {
    enum Event {
        /// TCP is up.
        case connected
        case publishAccepted(PushFeed)
        /// The peer's count of received bytes, modulo 2^32.
        case acknowledged(UInt32)
        /// The kernel took so many bytes that were given to `write`.
        case wrote(Int)
        /// The session cannot go on; the connection is still there.
        case failed(DestinationFailure)
        case closed(DestinationFailure)
    }

    private enum Stage {
        case idle
        case lookingUp
        case connecting
        case open(any Channel)
        case over
    }

    private static let pieceSize = 64 << 10

    let attempt: UInt64
    private let target: PushTarget
    private let fourCCs: [String]
    private let network: DestinationNetwork
    private let eventLoop: any EventLoop
    private let connectTimeout: TimeAmount
    private let lease: DestinationURLRegistry.Lease
    private let report: (Event) -> Void

    private var stage = Stage.idle
    /// Those a connect is tried on, until one is up.
    private var candidates: [any Channel] = []
    private var isAborted = false
    private var failure: DestinationFailure?
    private let closer = SocketCloser()
    private var handler: PushHandler?

    init(
        attempt: UInt64, target: PushTarget, fourCCs: [String], network: DestinationNetwork, eventLoop: any EventLoop, connectTimeout: TimeAmount,
        lease: DestinationURLRegistry.Lease, report: @escaping (Event) -> Void
    ) {
        self.attempt = attempt
        self.target = target
        self.fourCCs = fourCCs
        self.network = network
        self.eventLoop = eventLoop
        self.connectTimeout = connectTimeout
        self.lease = lease
        self.report = report
    }

    // MARK: Orders

    func open() {
        guard case .idle = self.stage else { return }
        self.stage = .lookingUp
        let route = self.network.route(host: self.target.host, port: self.target.port, isSecure: self.target.isSecure, on: self.eventLoop)
        route.whenDone { result in
            guard case .lookingUp = self.stage else { return }
            switch result {
            case .success(let route): self.connect(route)
            case .failure(let error): self.end(.connectFailed(DestinationFailure.describe(error)))
            }
        }
    }

    /// What is written after the publish was accepted; `wrote` says piece by piece how much the kernel has taken.
    func write(_ bytes: ByteBuffer) {
        guard case .open(let channel) = self.stage else { return }
        var rest = bytes
        // In pieces, so that a large picture on a slow line shows progress before it is through. They leave in one gathered write.
        while let piece = rest.readSlice(length: min(Self.pieceSize, rest.readableBytes)), piece.readableBytes > 0 {
            let count = piece.readableBytes
            channel.write(piece).whenDone { result in
                switch result {
                case .success: self.report(.wrote(count))
                case .failure(ChannelError.ioOnClosedChannel), .failure(ChannelError.eof): break  // what closed it is told elsewhere
                case .failure(let error): self.note(.writeFailed(DestinationFailure.describe(error)))
                }
            }
        }
        channel.flush()
    }

    /// Says goodbye, then closes once it is sent.
    func finish() {
        guard case .open(let channel) = self.stage, let goodbye = self.handler?.goodbye() else {
            self.abort()
            return
        }
        // Our half first: what the peer still has to say must not meet a closed socket, which would make the kernel reset the connection and the
        // peer lose the goodbye. TLS has an exchange of its own for this.
        let mode: CloseMode = self.target.isSecure ? .all : .output
        channel.writeAndFlush(goodbye).whenDone { _ in channel.close(mode: mode, promise: nil) }
    }

    /// Closes at once, whatever is unsent, in a way that the peer notices too.
    func abort() {
        self.isAborted = true
        switch self.stage {
        case .idle, .lookingUp:
            self.end(.closedByPeer)
        case .connecting:
            for channel in self.candidates { channel.close(promise: nil) }
        case .open(let channel):
            // A reset instead of minutes of trying to deliver what is left: the peer must not hold the old session when the next one comes.
            if let socket = channel as? any SocketOptionProvider {
                socket.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenDone { _ in self.closer.close() }
            } else {
                self.closer.close()
            }
        case .over:
            break
        }
    }

    // MARK: Coming up

    private func connect(_ route: DestinationNetwork.Route) {
        self.stage = .connecting
        let this = NIOLoopBound(self, eventLoop: self.eventLoop)
        var bootstrap = ClientBootstrap(group: self.eventLoop)
            .connectTimeout(self.connectTimeout)
            .resolver(KnownAddresses(route.addresses, on: self.eventLoop))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelInitializer { channel in
                guard !this.value.isAborted else { return channel.eventLoop.makeFailedFuture(ChannelError.connectTimeout(.zero)) }
                this.value.candidates.append(channel)
                return channel.eventLoop.makeSucceededVoidFuture()
            }
        #if os(Linux)
        // The kernel keeps no more than this unsent, so a peer that stops taking is noticed after that much and not after megabytes.
        bootstrap = bootstrap.channelOption(.tcpOption(NIOBSDSocket.Option(rawValue: TCP_NOTSENT_LOWAT)), value: 128 << 10)
        #endif
        bootstrap.connect(host: self.target.host, port: self.target.port).whenDone { result in
            self.candidates = []
            switch result {
            case .success(let channel): self.opened(channel, tls: route.tls)
            case .failure(let error): self.end(Self.connectFailure(error))
            }
        }
    }

    private static func connectFailure(_ error: any Error) -> DestinationFailure {
        guard let error = error as? NIOConnectionError else { return .connectFailed(DestinationFailure.describe(error)) }
        guard let cause = error.connectionErrors.first?.error else { return .connectFailed("no address answered") }
        return .connectFailed(DestinationFailure.describe(cause))
    }

    private func opened(_ channel: any Channel, tls: NIOSSLContext?) {
        self.stage = .open(channel)
        channel.closeFuture.whenDone { _ in self.end(.closedByPeer) }
        let handler = PushHandler(url: self.target.url, fourCCs: self.fourCCs, report: { [weak self] in self?.received($0) })
        do {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(self.closer)
            guard !self.isAborted else { return self.abort() }
            self.handler = handler
            self.report(.connected)
            if let tls {
                // A literal address is verified as such, and is nothing SNI could name (RFC 6066 §3).
                let name = self.target.isLiteralAddress ? nil : self.target.host
                try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
            }
            try pipeline.addHandler(handler)
        } catch {
            self.note(.connectFailed(DestinationFailure.describe(error)))
            self.abort()
        }
    }

    // MARK: What the handler sees

    private func received(_ event: PushHandler.Event) {
        switch event {
        case .publishAccepted(let feed):
            self.report(.publishAccepted(feed))
        case .acknowledged(let sequence):
            self.report(.acknowledged(sequence))
        case .failed(let failure):
            self.note(failure)
            self.report(.failed(failure))
        case .broken(let error):
            // A peer that hangs up without ending TLS has hung up.
            if case NIOSSLError.uncleanShutdown = error {
                self.note(.closedByPeer)
            } else {
                let what = DestinationFailure.describe(error)
                self.note(self.handler?.hasReceived == true ? .writeFailed(what) : .connectFailed(what))
            }
            self.closer.close()
        }
    }

    /// The first thing that goes wrong is the cause of what follows.
    private func note(_ failure: DestinationFailure) {
        if self.failure == nil { self.failure = failure }
    }

    private func end(_ failure: DestinationFailure) {
        if case .over = self.stage { return }
        self.stage = .over
        self.handler = nil
        self.lease.release()
        self.report(.closed(self.failure ?? failure))
    }
}

/// Stands next to the socket, so that it can be closed past TLS, which would wait for the peer's consent.
final class SocketCloser: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer

    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func close() { self.context?.close(promise: nil) }
}
