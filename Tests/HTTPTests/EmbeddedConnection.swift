import HTTPTypes
import Logging
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOHTTPTypes
import Synchronization

@testable import HTTP

/// The whole pipeline of one connection on a virtual event loop, with a router that does only what the test says.
final class EmbeddedConnection {
    let channel: EmbeddedChannel
    let loop = EmbeddedEventLoop()
    let router: ScriptedRouter
    let responder: ScriptedResponder
    let counters = HTTPCounters()

    init(
        limits: HTTPLimits = .init(), isRefused: Bool = false, webSockets: (any WebSocketResponder)? = nil,
        webSocketLimits: WebSocketLimits = .init(),
        answer: @escaping ScriptedResponder.Answer = { _, _ in nil }
    ) throws {
        self.router = ScriptedRouter()
        self.responder = ScriptedResponder(answer)
        var configuration = FastPathChannel.Configuration(limits: limits, serverName: nil, counters: self.counters)
        configuration.webSockets = webSockets
        configuration.webSocketLimits = webSocketLimits
        let fastPath = FastPathChannel(configuration: configuration, readyResponder: self.responder, responder: { _, _, _ in })
        self.channel = EmbeddedChannel(loop: self.loop)
        try fastPath.addHandlers(to: self.channel.pipeline.syncOperations, on: self.loop, isRefused: isRefused)
        try self.channel.pipeline.syncOperations.addHandler(self.router)
        self.channel.connect(to: try SocketAddress(ipAddress: "192.0.2.7", port: 4711), promise: nil)
    }

    func send(_ text: String) throws {
        try self.channel.writeInbound(ByteBuffer(string: text))
    }

    /// Everything written since the last call.
    func received() throws -> String {
        var text = ""
        while let data = try self.channel.readOutbound(as: IOData.self) {
            switch data {
            case .byteBuffer(let buffer): text += String(buffer: buffer)
            case .fileRegion(let region): text += "<file \(region.readerIndex)..<\(region.endIndex)>"
            }
        }
        return text
    }

    /// Status codes of the answers written since the last call, read with their bodies.
    func statuses() throws -> [Int] { Wire.statuses(try self.received()) }
    var isOpen: Bool { self.channel.isActive }
}

enum Wire {
    static func get(_ path: String, _ fields: String = "") -> String { "GET \(path) HTTP/1.1\r\nHost: x\r\n\(fields)\r\n" }

    static func statuses(_ text: String) -> [Int] {
        text.split(separator: "HTTP/1.1 ").dropFirst(text.hasPrefix("HTTP/1.1 ") ? 0 : 1).compactMap { Int($0.prefix(3)) }
    }
}

final class ScriptedResponder: ReadyResponder {
    typealias Answer = @Sendable (ReadyRequest, any EventLoop) -> ReadyAnswer?
    private let answer: Answer
    let seen = Mutex<[ReadyRequest]>([])

    init(_ answer: @escaping Answer) {
        self.answer = answer
    }

    func respond(to request: ReadyRequest, on eventLoop: any EventLoop) -> ReadyAnswer? {
        self.seen.withLock { $0.append(request) }
        return self.answer(request, eventLoop)
    }
}

/// Stands where Hummingbird stands.
final class ScriptedRouter: ChannelInboundHandler {
    typealias InboundIn = HTTPRequestPart
    typealias OutboundOut = HTTPResponsePart

    private(set) var parts: [HTTPRequestPart] = []
    private(set) var errors: [any Error] = []
    private(set) var sawInputClosed = false
    private var context: ChannelHandlerContext?

    var paths: [String] {
        self.parts.compactMap { if case .head(let head) = $0 { head.path } else { nil } }
    }
    var body: String {
        self.parts.reduce(into: "") { text, part in if case .body(let buffer) = part { text += String(buffer: buffer) } }
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }
    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) { self.parts.append(ScriptedRouter.unwrapInboundIn(data)) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { self.errors.append(error) }
    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { self.sawInputClosed = true }
    }

    func write(_ part: HTTPResponsePart) {
        self.context?.writeAndFlush(ScriptedRouter.wrapOutboundOut(part), promise: nil)
    }

    func respond(_ body: String, status: HTTPResponse.Status = .ok, fields: HTTPFields = [:]) {
        var fields = fields
        fields[.contentLength] = "\(body.utf8.count)"
        self.write(.head(HTTPResponse(status: status, headerFields: fields)))
        self.write(.body(ByteBuffer(string: body)))
        self.write(.end(nil))
    }
}
