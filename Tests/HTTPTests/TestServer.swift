import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing
import TransportSecurity

@testable import HTTP

/// Hummingbird's server with Martlet's transport on a port the kernel chose. `/fast…` is answered by the fast path, everything else echoed.
struct TestServer: Sendable {
    let port: Int
    let counters: HTTPCounters

    static func run(
        limits: HTTPLimits = .init(), certificates: TLSCertificates? = nil, redirect: SecureRedirect? = nil, strictTransportSeconds: Int? = nil,
        webSockets: (any WebSocketResponder)? = nil, webSocketLimits: WebSocketLimits = .init(),
        answer: @escaping ScriptedResponder.Answer = { request, _ in
            request.path.hasPrefix("/fast") ? .now(ReadyResponse(status: 200, body: .buffer(ByteBuffer(string: request.path)))) : nil
        },
        _ body: @escaping @Sendable (TestServer) async throws -> Void
    ) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .error
        let counters = HTTPCounters()
        let (ports, portFound) = AsyncStream<Int>.makeStream()
        var configuration = FastPathChannel.Configuration(limits: limits, serverName: "Martlet", counters: counters)
        configuration.redirect = redirect
        configuration.webSockets = webSockets
        configuration.webSocketLimits = webSocketLimits
        configuration.strictTransportSeconds = strictTransportSeconds
        if let certificates {
            configuration.makeSecurityHandler = { try certificates.makeHandler(applicationProtocols: ["h2", "http/1.1"]) }
        }
        let builder = HTTPServerBuilder.martlet(configuration: configuration, readyResponder: ScriptedResponder(answer))
        let server = try builder.buildServer(
            configuration: .init(address: .hostname("127.0.0.1", port: 0)), eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: logger,
            responder: { request, writer, _ in
                if request.uri.path == "/ignore" {
                    return try await writer.writeHead(HTTPResponse(status: .init(code: 403), headerFields: [.contentLength: "0"])).finish(nil)
                }
                let length = request.headers[.contentLength] ?? "0"
                var output = try await writer.writeHead(HTTPResponse(status: .ok, headerFields: [.contentLength: length]))
                for try await buffer in request.body { try await output.write(buffer) }
                try await output.finish(nil)
            },
            onServerRunning: { channel in
                portFound.yield(channel.localAddress?.port ?? 0)
                portFound.finish()
            })
        let group = ServiceGroup(configuration: .init(services: [server], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            for await port in ports {
                try await body(TestServer(port: port, counters: counters))
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    func connect(autoRead: Bool = true) async throws -> TestClient {
        try await TestClient.connect(port: self.port, autoRead: autoRead)
    }

    /// When so many connections have come and all have gone.
    func waitUntilEmpty(after accepted: UInt64) async throws {
        try await eventually("all have gone") {
            self.counters.acceptedConnections.load(ordering: .relaxed) >= accepted && self.counters.openConnections.load(ordering: .relaxed) == 0
        }
    }
}

/// A raw TCP client: sends bytes, collects bytes.
struct TestClient: Sendable {
    private let channel: any Channel
    private let collector: Collector

    static func connect(port: Int, autoRead: Bool) async throws -> TestClient {
        let collector = Collector()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: autoRead)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(CollectingHandler(collector)) }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return TestClient(channel: channel, collector: collector)
    }

    func send(_ text: String) async throws { try await self.channel.writeAndFlush(ByteBuffer(string: text)) }
    func send(_ bytes: [UInt8]) async throws { try await self.channel.writeAndFlush(ByteBuffer(bytes: bytes)) }
    func close() async throws { try await self.channel.close() }
    /// For a client that was connected without.
    func beginReading() async throws { try await self.channel.setOption(.autoRead, value: true).get() }

    func read(until isDone: @Sendable (String) -> Bool) async throws -> String {
        var text = ""
        for await buffer in self.collector.stream {
            text += String(buffer: buffer)
            if isDone(text) { break }
        }
        return text
    }

    func readToEnd() async throws -> String { try await self.read(until: { _ in false }) }

    func readBytesToEnd() async throws -> [UInt8] {
        var bytes: [UInt8] = []
        for await buffer in self.collector.stream { bytes += Array(buffer: buffer) }
        return bytes
    }
}

final class Collector: Sendable {
    let stream: AsyncStream<ByteBuffer>
    let continuation: AsyncStream<ByteBuffer>.Continuation

    init() {
        (self.stream, self.continuation) = AsyncStream.makeStream()
    }
}

private final class CollectingHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let collector: Collector

    init(_ collector: Collector) {
        self.collector = collector
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.collector.continuation.yield(CollectingHandler.unwrapInboundIn(data))
    }
    func channelInactive(context: ChannelHandlerContext) {
        self.collector.continuation.finish()
    }
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}

/// Cuts a byte stream into responses by Content-Length.
struct Responses {
    struct Response {
        var status: Int
        var body: [UInt8]
    }
    private var bytes: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) {
        self.bytes = bytes[...]
    }

    mutating func next() -> Response? {
        let mark = Array("\r\n\r\n".utf8)
        guard let start = self.bytes.indices.first(where: { self.bytes[$0...].starts(with: mark) }) else { return nil }
        let head = String(decoding: self.bytes[..<start], as: UTF8.self)
        let lines = head.split(separator: "\r\n")
        let length = lines.first { $0.lowercased().hasPrefix("content-length:") }.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
        self.bytes = self.bytes[(start + 4)...]
        guard let status = Int(head.split(separator: " ")[1]), self.bytes.count >= length else { return nil }
        defer { self.bytes = self.bytes.dropFirst(length) }
        return Response(status: status, body: Array(self.bytes.prefix(length)))
    }
}
