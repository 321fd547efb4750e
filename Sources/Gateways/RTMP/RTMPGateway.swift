public import Logging
public import NIOCore
import NIOPosix
public import Streams
import Synchronization

/// The RTMP door: accepts connections, lets publishers and players in through the gates, and closes them in good order.
public final class RTMPGateway: Sendable {
    public struct Configuration: Sendable {
        public var host = "0.0.0.0"
        /// 0 lets the system choose.
        public var port = 1935
        public var maxConnections = 10_000
        /// How long sends to players may be put off under load; 0...350 ms.
        public var mergeWindow = TimeAmount.milliseconds(30)
        /// Largest chunk that is sent, bytes.
        public var chunkSize = 60_000
        /// From accept to a request to publish or play.
        public var handshakeTimeout = TimeAmount.seconds(10)
        /// The applications there are, the first one being the default: where a URL's path is cut between application and stream.
        public var apps = ["live"]
        /// A publisher that sends no byte, or a player that takes none while some wait, is given up after so long.
        public var idleTimeout = TimeAmount.seconds(15)
        /// RTMPS, beside the plain port; nil: not offered.
        public var secure: SecurePort?

        public init() {}
    }

    /// A second port, whose connections are encrypted.
    public struct SecurePort: Sendable {
        /// 0 lets the system choose.
        public var port: Int
        /// Makes the TLS handler that stands at the socket of a connection. Called on event loops. The deadline of the RTMP handshake covers TLS's.
        public var makeSecurityHandler: @Sendable () throws -> any ChannelHandler

        public init(port: Int, makeSecurityHandler: @escaping @Sendable () throws -> any ChannelHandler) {
            self.port = port
            self.makeSecurityHandler = makeSecurityHandler
        }
    }

    /// Numbers since the start, and how many there are now.
    public struct Statistics: Sendable {
        public var connections = 0
        public var connectionsTotal = 0
        public var refusedTotal = 0
        public var protocolErrorsTotal = 0
        public var sentBytesTotal: UInt64 = 0
        public var playerSkipsTotal = 0
    }

    let configuration: Configuration
    let gate: any PublishGate
    let playGate: any PlayGate
    let table: FanOutTable
    let logger: Logger
    let counters: RTMPCounters
    private let group: any EventLoopGroup
    private let loops: [RTMPLoop]
    private let listeners = Mutex<[any Channel]>([])
    private let openSecurePort = Mutex<Int?>(nil)
    private let nextConnection = Atomic<UInt64>(1)

    public init(
        configuration: Configuration, gate: any PublishGate, playGate: any PlayGate, streams: StreamDirectory, group: any EventLoopGroup,
        logger: Logger
    ) {
        self.configuration = configuration
        self.gate = gate
        self.playGate = playGate
        self.table = FanOutTable(streams: streams, configuration: .init(chunkSize: configuration.chunkSize))
        self.group = group
        self.logger = logger
        let counters = RTMPCounters()
        self.counters = counters
        self.loops = group.makeIterator().map { RTMPLoop(eventLoop: $0, mergeWindow: configuration.mergeWindow, counters: counters) }
    }

    /// Listens. Returns the plain port, which differs from the configured one when that is 0; `securePort` tells the other. When one of the two
    /// cannot be had, neither is open.
    public func start() async throws -> Int {
        let channel = try await self.listen(port: self.configuration.port, makeSecurityHandler: nil)
        if let secure = self.configuration.secure {
            do {
                let channel = try await self.listen(port: secure.port, makeSecurityHandler: secure.makeSecurityHandler)
                self.openSecurePort.withLock { $0 = channel.localAddress?.port ?? secure.port }
            } catch {
                await self.closeListeners()
                throw error
            }
        }
        return channel.localAddress?.port ?? self.configuration.port
    }

    /// Of RTMPS while it is open.
    public var securePort: Int? { self.openSecurePort.withLock { $0 } }

    private func listen(port: Int, makeSecurityHandler: (@Sendable () throws -> any ChannelHandler)?) async throws -> any Channel {
        let bootstrap = ServerBootstrap(group: self.group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            // One read a wake-up: a socket that is drained again at once costs a system call to learn that it is empty.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 16 << 10, high: 64 << 10))
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let loop = self.loops.first(where: { $0.eventLoop === channel.eventLoop }) else { throw ChannelError.operationUnsupported }
                    let id = self.nextConnection.wrappingAdd(1, ordering: .relaxed).oldValue
                    if let makeSecurityHandler { try channel.pipeline.syncOperations.addHandler(makeSecurityHandler()) }
                    try channel.pipeline.syncOperations.addHandler(
                        RTMPConnectionHandler(id: id, gateway: self, loop: loop, isSecure: makeSecurityHandler != nil))
                }
            }
        let channel = try await bootstrap.bind(host: self.configuration.host, port: port).get()
        self.listeners.withLock { $0.append(channel) }
        return channel
    }

    /// Takes no more connections, tells everybody and closes. Returns when all are closed, or after two seconds.
    public func stop() async {
        await self.closeListeners()
        await withTaskGroup(of: Void.self) { tasks in
            for loop in self.loops { tasks.addTask { await loop.closeAll(within: .seconds(2)) } }
        }
    }

    private func closeListeners() async {
        self.openSecurePort.withLock { $0 = nil }
        let channels = self.listeners.withLock { listeners in
            defer { listeners = [] }
            return listeners
        }
        for channel in channels {
            do {
                try await channel.close().get()
            } catch {
                self.logger.debug("RTMP listener was closed already", metadata: ["error": "\(error)"])
            }
        }
    }

    public var statistics: Statistics { self.counters.statistics }
}

/// Counters of all connections; written from their event loops.
final class RTMPCounters: Sendable {
    let connections = Atomic<Int>(0)
    let connectionsTotal = Atomic<Int>(0)
    let refused = Atomic<Int>(0)
    let protocolErrors = Atomic<Int>(0)
    let sentBytes = Atomic<UInt64>(0)
    let playerSkips = Atomic<Int>(0)

    var statistics: RTMPGateway.Statistics {
        var statistics = RTMPGateway.Statistics()
        statistics.connections = self.connections.load(ordering: .relaxed)
        statistics.connectionsTotal = self.connectionsTotal.load(ordering: .relaxed)
        statistics.refusedTotal = self.refused.load(ordering: .relaxed)
        statistics.protocolErrorsTotal = self.protocolErrors.load(ordering: .relaxed)
        statistics.sentBytesTotal = self.sentBytes.load(ordering: .relaxed)
        statistics.playerSkipsTotal = self.playerSkips.load(ordering: .relaxed)
        return statistics
    }
}
