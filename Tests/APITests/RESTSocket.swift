import API
import HTTP
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle

/// How a test of the contract calls the API: the answer is the same.
enum Way: CaseIterable, Sendable {
    case inMemory
    case overASocket
}

/// Calls `/v2` and gets whatever comes.
struct Caller: Sendable {
    let send: @Sendable (HTTPRequest.Method, String, String?) async throws -> Reply

    func get(_ path: String) async throws -> Reply { try await self.send(.get, "/v2" + path, nil) }
    func post(_ path: String, _ body: String? = nil) async throws -> Reply { try await self.send(.post, "/v2" + path, body) }
    func put(_ path: String, _ body: String? = nil) async throws -> Reply { try await self.send(.put, "/v2" + path, body) }
    func delete(_ path: String) async throws -> Reply { try await self.send(.delete, "/v2" + path, nil) }
}

extension RESTStage {
    /// Runs a test against this stage, through the router or through a server on a port the kernel chose.
    func called(_ way: Way, _ body: @escaping @Sendable (Caller) async throws -> Void) async throws {
        switch way {
        case .inMemory:
            try await body(Caller { try await self.send($0, $1, body: $2) })
        case .overASocket:
            try await self.serve { port in try await body(Caller { try await SocketClient.send($0, port: port, $1, $2) }) }
        }
    }

    private func serve(_ body: @escaping @Sendable (Int) async throws -> Void) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .error
        let router = Router(context: APIRequestContext.self)
        self.interface.addRoutes(to: router)
        let (ports, portFound) = AsyncStream<Int>.makeStream()
        let application = Application(
            router: router, server: .martlet(readyResponder: NobodyReady()),
            configuration: .init(address: .hostname("127.0.0.1", port: 0), serverName: nil),
            onServerRunning: { channel in
                portFound.yield(channel.localAddress?.port ?? 0)
                portFound.finish()
            },
            eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton), logger: logger)
        let group = ServiceGroup(configuration: .init(services: [application], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            for await port in ports {
                do {
                    try await body(port)
                } catch {
                    await group.triggerGracefulShutdown()
                    throw error
                }
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }
}

/// One request on a connection of its own: a process for each, as curl would be, costs the other tests more than all of this.
private enum SocketClient {
    static func send(_ method: HTTPRequest.Method, port: Int, _ path: String, _ body: String?) async throws -> Reply {
        let loop = MultiThreadedEventLoopGroup.singleton.any()
        let promise = loop.makePromise(of: Reply.self)
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: loop).connectTimeout(.seconds(30)).channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(ReplyCollector(promise))
                }
            }.connect(host: "127.0.0.1", port: port).get()
        } catch {
            promise.fail(error)
            throw error
        }
        var head = HTTPRequestHead(version: .http1_1, method: HTTPMethod(rawValue: method.rawValue), uri: path)
        head.headers = ["Host": "reached.example:5080", "Connection": "close", "Content-Length": String(body?.utf8.count ?? 0)]
        if body != nil { head.headers.add(name: "Content-Type", value: "application/json") }
        channel.write(HTTPClientRequestPart.head(head), promise: nil)
        if let body { channel.write(HTTPClientRequestPart.body(.byteBuffer(ByteBuffer(string: body))), promise: nil) }
        channel.writeAndFlush(HTTPClientRequestPart.end(nil), promise: nil)
        return try await promise.futureResult.get()
    }
}

private final class ReplyCollector: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let promise: EventLoopPromise<Reply>
    private var head: HTTPResponseHead?
    private var body = ByteBuffer()

    init(_ promise: EventLoopPromise<Reply>) { self.promise = promise }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.unwrapInboundIn(data) {
        case .head(let head): self.head = head
        case .body(let part): self.body.writeImmutableBuffer(part)
        case .end:
            guard let head = self.head else { return }
            var fields = HTTPFields()
            for (name, value) in head.headers {
                if let name = HTTPField.Name(name) { fields.append(HTTPField(name: name, value: value)) }
            }
            self.promise.succeed(Reply(status: .init(code: Int(head.status.code)), headers: fields, body: String(buffer: self.body)))
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.promise.fail(error)
        context.close(promise: nil)
    }

    /// Nothing happens when there is an answer already.
    func channelInactive(context: ChannelHandlerContext) { self.promise.fail(ChannelError.eof) }
}

/// Leaves everything to the router.
private struct NobodyReady: ReadyResponder {
    func respond(to request: ReadyRequest, on eventLoop: any EventLoop) -> ReadyAnswer? { nil }
}
