import HTTPTypes
public import HummingbirdCore
public import Logging
public import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import Synchronization

/// The transport below Hummingbird: HTTP/1.1 and HTTP/2 with the synchronous fast path in front of the router. One value per listening port.
///
/// A port is plain, where the first bytes tell HTTP/2 (prior knowledge) from HTTP/1.1, or secure, where the handshake tells (ALPN). Then the
/// pipeline, from the socket, is
/// - HTTP/1.1: (TLS →) `WireTap` → HTTP parser (plain requests go past it) → `HTTP1ConnectionHandler` → Hummingbird's codec → its
///   asynchronous channel,
/// - HTTP/2: (TLS →) `HTTP2ConnectionHandler`, and for each request that the router answers an `HTTP2StreamChannel` with the asynchronous channel.
public struct FastPathChannel: ServerChildChannel, HTTPChannelHandler {
    public typealias Value = FastPathConnection

    public struct Configuration: Sendable {
        public var limits: HTTPLimits
        /// The Server field of the fast path's answers; nil: none.
        public var serverName: String?
        public var counters: HTTPCounters
        /// Makes the handler that stands at the socket of a secure connection and tells of the handshake with `TLSUserEvent`; nil: a plain port.
        /// Called on event loops, once a connection.
        public var makeSecurityHandler: (@Sendable () throws -> any ChannelHandler)?
        /// Plain ports only: requests are sent to the secure one instead of being answered.
        public var redirect: SecureRedirect?
        /// Secure ports only: for how many seconds a browser is to come back by HTTPS alone (RFC 6797); nil: nothing is said.
        public var strictTransportSeconds: Int?

        /// Says which requests of HTTP/1.1 become WebSockets; nil: none. HTTP/2 has none (RFC 8441 is not offered).
        public var webSockets: (any WebSocketResponder)?
        public var webSocketLimits = WebSocketLimits()

        public init(
            limits: HTTPLimits = .init(), serverName: String? = nil, counters: HTTPCounters = .init(),
            makeSecurityHandler: (@Sendable () throws -> any ChannelHandler)? = nil, redirect: SecureRedirect? = nil,
            strictTransportSeconds: Int? = nil
        ) {
            self.limits = limits
            self.serverName = serverName
            self.counters = counters
            self.makeSecurityHandler = makeSecurityHandler
            self.redirect = redirect
            self.strictTransportSeconds = strictTransportSeconds
        }

        var isSecure: Bool { self.makeSecurityHandler != nil }
    }

    public let responder: HTTPChannelHandler.Responder
    public let configuration: Configuration
    private let readyResponder: any ReadyResponder
    private let dates = DateCaches()

    public init(configuration: Configuration, readyResponder: any ReadyResponder, responder: @escaping HTTPChannelHandler.Responder) {
        self.configuration = configuration
        self.responder = responder
        if let redirect = configuration.redirect, !configuration.isSecure {
            self.readyResponder = RedirectingResponder(redirect: redirect, next: readyResponder)
        } else {
            self.readyResponder = readyResponder
        }
    }

    public func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let counters = self.configuration.counters
        let hasRoom = counters.opened(limit: self.configuration.limits.connections)
        channel.closeFuture.whenComplete { _ in counters.closed() }
        let chosen = channel.eventLoop.makePromise(of: FastPathConnection.Chosen?.self)
        return channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            do {
                // A handshake costs more than the answer that says there is no room: such a connection is closed without one.
                if let make = self.configuration.makeSecurityHandler, hasRoom { try pipeline.addHandler(make()) }
                try pipeline.addHandler(self.chooser(isRefused: !hasRoom, chosen: chosen))
            } catch {
                chosen.succeed(nil)
                throw error
            }
            return FastPathConnection(channel: channel, chosen: chosen.futureResult)
        }
    }

    /// Decides between the protocols; `chosen` is completed in any case, with nil when the connection ended before.
    func chooser(isRefused: Bool, chosen: EventLoopPromise<FastPathConnection.Chosen?>) -> ProtocolChooser {
        ProtocolChooser(
            mode: isRefused ? (self.configuration.isSecure ? .refuseSilently : .refuse) : (self.configuration.isSecure ? .handshake : .firstBytes),
            limits: self.configuration.limits, counters: self.configuration.counters
        ) { kind, channel in
            do {
                switch kind {
                case .http1: chosen.succeed(.http1(try self.addHTTP1(to: channel, isRefused: isRefused)))
                case .http2: chosen.succeed(.http2(try self.addHTTP2(to: channel)))
                case nil: chosen.succeed(nil)
                }
            } catch {
                // Only a channel that is closed already takes no handlers.
                chosen.succeed(nil)
                channel.close(promise: nil)
            }
        }
    }

    private func addHTTP1(to channel: any Channel, isRefused: Bool) throws -> NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart> {
        try self.addHandlers(to: channel.pipeline.syncOperations, on: channel.eventLoop, isRefused: isRefused)
        return try NIOAsyncChannel(wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
    }

    func addHTTP2(to channel: any Channel) throws -> HTTP2RoutedStreams {
        let streams = HTTP2RoutedStreams(limit: self.configuration.limits.routedStreams, eventLoop: channel.eventLoop)
        let handler = try HTTP2ConnectionHandler(
            responder: self.readyResponder, settings: self.settings(for: channel.eventLoop), routed: streams, now: channel.eventLoop.now)
        try channel.pipeline.syncOperations.addHandler(handler)
        return streams
    }

    func settings(for eventLoop: any EventLoop) -> HTTPConnectionSettings {
        let isSecure = self.configuration.isSecure
        return HTTPConnectionSettings(
            limits: self.configuration.limits, counters: self.configuration.counters, dates: self.dates.cache(for: eventLoop),
            serverName: self.configuration.serverName, isSecure: isSecure,
            webSockets: self.configuration.webSockets, webSocketLimits: self.configuration.webSocketLimits,
            strictTransport: isSecure ? self.configuration.strictTransportSeconds.map { "max-age=\(max(0, $0))" } : nil)
    }

    func addHandlers(to pipeline: ChannelPipeline.SynchronousOperations, on eventLoop: any EventLoop, isRefused: Bool) throws {
        let limits = self.configuration.limits
        var parserLimits = NIOHTTPDecoderLimitConfiguration()
        // The parser counts the request target as a field.
        parserLimits.maxHeaderFieldSize = limits.headBytes
        parserLimits.maxHeaderListSize = limits.headBytes
        parserLimits.maxHeaderFieldCount = limits.headerFields
        let settings = self.settings(for: eventLoop)
        let tap = WireTap()
        try pipeline.addHandler(tap)
        try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: parserLimits)))
        let connection = HTTP1ConnectionHandler(responder: self.readyResponder, settings: settings, tap: tap, isRefused: isRefused)
        try pipeline.addHandler(connection)
        tap.connection = connection
        try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: settings.isSecure))
    }

    public func handle(value: Value, logger: Logger) async {
        switch await value.protocolChosen() {
        case .http1(let channel):
            await self.handleHTTP(asyncChannel: channel, logger: logger)
        case .http2(let streams):
            await withDiscardingTaskGroup { tasks in
                // Ends with the connection.
                for await stream in streams.accepted {
                    tasks.addTask {
                        await self.handleHTTP(asyncChannel: stream, logger: logger)
                        streams.finished()
                    }
                }
            }
        case nil:
            break
        }
    }
}

/// One date per event loop, so that loops do not contend for it. Asked once per connection.
private final class DateCaches: Sendable {
    private let caches = Mutex<[ObjectIdentifier: HTTPDateCache]>([:])

    func cache(for eventLoop: any EventLoop) -> HTTPDateCache {
        self.caches.withLock { caches in
            let key = ObjectIdentifier(eventLoop)
            if let cache = caches[key] { return cache }
            let cache = HTTPDateCache()
            caches[key] = cache
            return cache
        }
    }
}
