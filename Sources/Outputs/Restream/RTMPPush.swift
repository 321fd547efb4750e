import Egress
import NIOCore
import NIOPosix
import NIOSSL
import RTMP
import Streams

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// A push over RTMP or RTMPS: name lookup, TCP, TLS, RTMP, and its end.
final class RTMPPush: PushTransport {
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
    private let context: PushAttempt

    private var stage = Stage.idle
    /// Those a connect is tried on, until one is up.
    private var candidates: [any Channel] = []
    private var isAborted = false
    private var failure: DestinationFailure?
    private let closer = SocketCloser()
    private var handler: PushHandler?
    /// From the accepted publish on.
    private var feed: PushFeed?

    private var eventLoop: any EventLoop { self.context.eventLoop }

    init(_ target: PushTarget, _ attempt: PushAttempt) {
        self.attempt = attempt.number
        self.target = target
        self.context = attempt
    }

    // MARK: Orders

    func open() {
        guard case .idle = self.stage else { return }
        self.stage = .lookingUp
        let route = self.context.network.route(host: self.target.host, port: self.target.port, isSecure: self.target.isSecure, on: self.eventLoop)
        route.whenDone { result in
            guard case .lookingUp = self.stage else { return }
            switch result {
            case .success(let route): self.connect(route)
            case .failure(let error as HostLookup.Failure): self.end(.nameNotFound("\(error)"))
            case .failure(let error as DestinationNetwork.Failure): self.end(.nameNotFound("\(error)"))
            case .failure(let error): self.end(.tlsFailed(DestinationFailure.describe(error)))
            }
        }
    }

    func send(_ items: [StreamItem]) -> Int {
        guard case .open(let channel) = self.stage, self.feed != nil else { return 0 }
        var bytes = ByteBuffer()
        bytes.reserveCapacity(PushFeed.room(for: items))
        for item in items { self.feed?.write(item, into: &bytes) }
        if bytes.readableBytes > 0 { self.write(bytes, to: channel) }
        return bytes.readableBytes
    }

    private func write(_ bytes: ByteBuffer, to channel: any Channel) {
        var rest = bytes
        // In pieces, so that a large picture on a slow line shows progress before it is through. They leave in one gathered write.
        while let piece = rest.readSlice(length: min(Self.pieceSize, rest.readableBytes)), piece.readableBytes > 0 {
            let count = piece.readableBytes
            channel.write(piece).whenDone { result in
                switch result {
                case .success: self.context.report(.wrote(count))
                case .failure(ChannelError.ioOnClosedChannel), .failure(ChannelError.eof): break  // what closed it is told elsewhere
                case .failure(let error): self.note(.writeFailed(DestinationFailure.describe(error)))
                }
            }
        }
        channel.flush()
    }

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

    // MARK: Progress

    func delivery() -> Delivery? {
        #if os(Linux)
        guard case .open(let channel) = self.stage, let socket = channel as? any SocketOptionProvider else { return nil }
        var delivery: Delivery?
        // On the channel's own loop this is answered before it returns.
        let answer: EventLoopFuture<TCPInfo> = socket.unsafeGetSocketOption(level: .tcp, name: NIOBSDSocket.Option(rawValue: TCP_INFO))
        answer.whenDone { result in
            if case .success(let info) = result { delivery = info.delivery }
        }
        return delivery
        #else
        return nil
        #endif
    }

    // MARK: Coming up

    private func connect(_ route: DestinationNetwork.Route) {
        self.stage = .connecting
        let this = NIOLoopBound(self, eventLoop: self.eventLoop)
        var bootstrap = ClientBootstrap(group: self.eventLoop)
            .connectTimeout(self.context.connectTimeout)
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
        let handler = PushHandler(
            url: self.target.url, fourCCs: PushFeed.fourCCs(self.context.tracks), report: { [weak self] in self?.received($0) })
        do {
            let pipeline = channel.pipeline.syncOperations
            try pipeline.addHandler(self.closer)
            guard !self.isAborted else { return self.abort() }
            self.handler = handler
            self.context.report(.connected)
            if let tls {
                // A literal address is verified as such, and is nothing SNI could name (RFC 6066 §3).
                let name = self.target.isLiteralAddress ? nil : self.target.host
                try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: name))
            }
            try pipeline.addHandler(handler)
        } catch {
            self.note(tls == nil ? .connectFailed(DestinationFailure.describe(error)) : .tlsFailed(DestinationFailure.describe(error)))
            self.abort()
        }
    }

    // MARK: What the handler sees

    private func received(_ event: PushHandler.Event) {
        switch event {
        case .publishAccepted(let feed):
            self.feed = feed
            self.context.report(.accepted)
        case .acknowledged(let sequence):
            self.context.report(.acknowledged(sequence))
        case .failed(let failure):
            self.note(failure)
            self.context.report(.failed(failure))
        case .broken(let error):
            // A peer that hangs up without ending TLS has hung up.
            if case NIOSSLError.uncleanShutdown = error {
                self.note(.closedByPeer)
            } else {
                let what = DestinationFailure.describe(error)
                let isUp = self.handler?.hasReceived == true
                self.note(isUp ? .writeFailed(what) : self.target.isSecure ? .tlsFailed(what) : .connectFailed(what))
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
        self.context.lease.release()
        self.context.report(.closed(self.failure ?? failure))
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
