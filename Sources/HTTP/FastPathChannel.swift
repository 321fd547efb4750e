import HTTPTypes
public import HummingbirdCore
public import Logging
public import NIOCore
import NIOHTTP1
public import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import Synchronization

/// The transport below Hummingbird: HTTP/1.1 with the synchronous fast path in front of the router.
///
/// The pipeline, from the socket: `WireTap` → HTTP parser → `HTTP1ConnectionHandler` → Hummingbird's codec → its asynchronous channel. TLS would
/// be a handler before `WireTap`; HTTP/2 replaces everything up to the codec and asks the same `ReadyResponder`.
public struct FastPathChannel: ServerChildChannel, HTTPChannelHandler {
    public typealias Value = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    public struct Configuration: Sendable {
        public var limits: HTTPLimits
        /// The Server field of the fast path's answers; nil: none.
        public var serverName: String?
        public var counters: HTTPCounters

        public init(limits: HTTPLimits = .init(), serverName: String? = nil, counters: HTTPCounters = .init()) {
            self.limits = limits
            self.serverName = serverName
            self.counters = counters
        }
    }

    public let responder: HTTPChannelHandler.Responder
    public let configuration: Configuration
    private let readyResponder: any ReadyResponder
    private let dates = DateCaches()

    public init(configuration: Configuration, readyResponder: any ReadyResponder, responder: @escaping HTTPChannelHandler.Responder) {
        self.configuration = configuration
        self.readyResponder = readyResponder
        self.responder = responder
    }

    public func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let counters = self.configuration.counters
        let hasRoom = counters.opened(limit: self.configuration.limits.connections)
        channel.closeFuture.whenComplete { _ in counters.closed() }
        return channel.eventLoop.makeCompletedFuture {
            try self.addHandlers(to: channel.pipeline.syncOperations, on: channel.eventLoop, isRefused: !hasRoom)
            return try NIOAsyncChannel(wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
        }
    }

    func addHandlers(to pipeline: ChannelPipeline.SynchronousOperations, on eventLoop: any EventLoop, isRefused: Bool) throws {
        let limits = self.configuration.limits
        var parserLimits = NIOHTTPDecoderLimitConfiguration()
        // The parser counts the request target as a field.
        parserLimits.maxHeaderFieldSize = limits.headBytes
        parserLimits.maxHeaderListSize = limits.headBytes
        parserLimits.maxHeaderFieldCount = limits.headerFields
        let settings = HTTP1Settings(
            limits: limits, counters: self.configuration.counters, dates: self.dates.cache(for: eventLoop),
            serverName: self.configuration.serverName, isSecure: false)
        let tap = WireTap()
        try pipeline.addHandler(tap)
        try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: parserLimits)))
        try pipeline.addHandler(HTTP1ConnectionHandler(responder: self.readyResponder, settings: settings, tap: tap, isRefused: isRefused))
        try pipeline.addHandler(HTTP1ToHTTPServerCodec(secure: false))
    }

    public func handle(value: Value, logger: Logger) async {
        await self.handleHTTP(asyncChannel: value, logger: logger)
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
