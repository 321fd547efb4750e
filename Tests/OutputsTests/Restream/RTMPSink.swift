import Media
import NIOCore
import NIOPosix
import NIOSSL
import RTMP
import Synchronization

/// A small RTMP server on loopback that takes pushes and tells what it saw. `Behaviour` says how well it does that.
final class RTMPSink: Sendable {
    enum Behaviour: Sendable {
        case takesAll
        /// Never answers, not even the handshake.
        case silent
        /// Accepts the publish and reads nothing afterwards.
        case stopsReading
        case refuses(StatusMessage)
        /// Hangs up after so many media messages.
        case hangsUp(after: Int)
        /// Ends the session with a status after so many media messages.
        case ends(StatusMessage, after: Int)
    }

    struct Media: Sendable, Equatable {
        var isVideo: Bool
        var timestamp: UInt32
        var payload: ByteBuffer

        /// The number `TestPublisher` wrote at the end of a frame.
        var number: Int? {
            self.isConfiguration ? nil : self.payload.getInteger(at: self.payload.writerIndex - 4, as: UInt32.self).map(Int.init)
        }
        var isConfiguration: Bool { self.payload.getInteger(at: self.payload.readerIndex + 1, as: UInt8.self) == 0 }
        var isKeyframe: Bool { self.isVideo && self.payload.getInteger(at: self.payload.readerIndex, as: UInt8.self) == 0x17 }
        var compositionTime: Int32? {
            guard let high = self.payload.getInteger(at: self.payload.readerIndex + 2, as: UInt8.self),
                let low = self.payload.getInteger(at: self.payload.readerIndex + 3, as: UInt16.self)
            else { return nil }
            return Int32(bitPattern: UInt32(high) << 24 | UInt32(low) << 8) >> 8
        }
    }

    enum Event: Sendable {
        case opened(Int)
        case publish(Int, PublishCommand)
        case metadata(Int, StreamMetadata)
        case media(Int, Media)
        /// The client said that it finishes.
        case finished(Int)
        case closed(Int)
        case tls(Int, serverName: String?)
    }

    let port: Int
    /// Everything that happens, in order, over all connections; they are numbered from 1.
    let events: EventLog<Event>
    private let channel: any Channel

    private init(channel: any Channel, events: EventLog<Event>) {
        self.channel = channel
        self.port = channel.localAddress?.port ?? 0
        self.events = events
    }

    /// - Parameter behaviours: of the first connection, the second, …; the last one goes on.
    static func start(_ behaviours: Behaviour..., tls: (@Sendable (EventLog<Event>, Int) throws -> NIOSSLContext)? = nil) async throws -> RTMPSink {
        let events = EventLog<Event>()
        let connections = Mutex(0)
        let counter: @Sendable () -> Int = {
            connections.withLock {
                $0 += 1; return $0
            }
        }
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // A peer that stops reading is to be felt soon.
            .serverChannelOption(.socketOption(.so_rcvbuf), value: 32 << 10)
            .childChannelInitializer { channel in
                let number = counter()
                let behaviour = behaviours[min(number, behaviours.count) - 1]
                return channel.eventLoop.makeCompletedFuture {
                    events.add(.opened(number))
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls(events, number))) }
                    try channel.pipeline.syncOperations.addHandler(SinkHandler(number: number, behaviour: behaviour, events: events))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return RTMPSink(channel: channel, events: events)
    }

    func stop() async throws { try await self.channel.close() }

    func url(_ key: String = "secretkey", host: String = "127.0.0.1", scheme: String = "rtmp") -> String {
        "\(scheme)://\(host):\(self.port)/live/\(key)"
    }

    /// The next `count` media messages of a connection.
    func media(_ count: Int, of connection: Int = 1) async throws -> [Media] {
        var found: [Media] = []
        while found.count < count {
            guard let event = await self.events.next() else { throw CancellationError() }
            if case .media(connection, let media) = event { found.append(media) }
        }
        return found
    }

    /// The next event that `pick` wants.
    func next<Value>(_ pick: (Event) -> Value?) async -> Value? {
        while let event = await self.events.next() {
            if let value = pick(event) { return value }
        }
        return nil
    }
}

/// Speaks RTMP for one connection of the sink.
private final class SinkHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let number: Int
    private let behaviour: RTMPSink.Behaviour
    private let events: EventLog<RTMPSink.Event>
    private var handshake = ServerHandshake()
    private var isHandshaken = false
    private var decoder = ChunkDecoder()
    private var session = ServerSession()
    private var mediaCount = 0

    init(number: Int, behaviour: RTMPSink.Behaviour, events: EventLog<RTMPSink.Event>) {
        self.number = number
        self.behaviour = behaviour
        self.events = events
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .silent = self.behaviour { return }
        var bytes = self.unwrapInboundIn(data)
        do {
            try self.received(&bytes, context: context)
        } catch {
            context.fireErrorCaught(error)
            context.close(promise: nil)
        }
    }

    private func received(_ bytes: inout ByteBuffer, context: ChannelHandlerContext) throws {
        self.session.receivedBytes(count: bytes.readableBytes)
        if !self.isHandshaken {
            var random = SystemRandomNumberGenerator()
            switch try self.handshake.received(&bytes, using: &random) {
            case .needsMore: return
            case .send(let answer, let finished):
                context.writeAndFlush(self.wrapOutboundOut(answer), promise: nil)
                self.isHandshaken = finished
            case .finished: self.isHandshaken = true
            }
            guard self.isHandshaken else { return }
        }
        while let message = try self.decoder.next(from: &bytes) {
            switch try self.session.received(message) {
            case .media(let message): self.take(message, context: context)
            case .orders: self.carryOut(context)
            case .nothing: break
            }
        }
        self.carryOut(context)
    }

    private func carryOut(_ context: ChannelHandlerContext) {
        while let order = self.session.nextOrder() {
            switch order {
            case .send(let bytes): context.writeAndFlush(self.wrapOutboundOut(bytes), promise: nil)
            case .authorizePublish(let command):
                self.events.add(.publish(self.number, command))
                if case .refuses(let status) = self.behaviour {
                    _ = self.session.publishRefused(command.request, status)
                } else {
                    _ = self.session.publishAccepted(command.request)
                }
                if case .stopsReading = self.behaviour {
                    context.channel.setOption(.autoRead, value: false).assumeIsolated().whenFailure { context.fireErrorCaught($0) }
                }
            case .media(let message): self.take(message, context: context)
            case .metadata(let metadata): self.events.add(.metadata(self.number, metadata))
            case .endPublish: self.events.add(.finished(self.number))
            case .close: context.close(promise: nil)
            default: break
            }
        }
    }

    private func take(_ message: RTMPMessage, context: ChannelHandlerContext) {
        self.events.add(
            .media(self.number, .init(isVideo: message.type == .video, timestamp: message.timestamp, payload: message.payload)))
        self.mediaCount += 1
        switch self.behaviour {
        case .hangsUp(let count) where self.mediaCount == count:
            context.close(promise: nil)
        case .ends(let status, let count) where self.mediaCount == count:
            self.session.stop(status)
            self.carryOut(context)
        default: break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.events.add(.closed(self.number))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
