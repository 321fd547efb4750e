import NIOCore
import NIOEmbedded

@testable import HTTP

/// One HTTP/2 connection on a virtual event loop. Only the fast path answers on it.
final class EmbeddedHTTP2 {
    let channel: EmbeddedChannel
    let loop = EmbeddedEventLoop()
    let responder: ScriptedResponder
    let counters = HTTPCounters()
    let reader = HTTP2Reader()

    init(
        limits: HTTPLimits = .init(), settings: [(id: UInt16, value: UInt32)] = [], greets: Bool = true,
        answer: @escaping ScriptedResponder.Answer = { request, _ in
            .now(ReadyResponse(status: 200, headers: [("X-Path", request.path)], body: .buffer(ByteBuffer(string: request.path))))
        }
    ) throws {
        self.responder = ScriptedResponder(answer)
        let fastPath = FastPathChannel(
            configuration: .init(limits: limits, serverName: "Martlet", counters: self.counters), readyResponder: self.responder,
            responder: { _, _, _ in })
        self.channel = EmbeddedChannel(loop: self.loop)
        self.channel.connect(to: try SocketAddress(ipAddress: "192.0.2.7", port: 4711), promise: nil)
        _ = try fastPath.addHTTP2(to: self.channel)
        if greets { try self.send(HTTP2Wire.hello(settings)) }
    }

    func send(_ bytes: [UInt8]) throws {
        try self.channel.writeInbound(ByteBuffer(bytes: bytes))
        try self.read()
    }

    func read() throws {
        while let buffer = try self.channel.readOutbound(as: ByteBuffer.self) { self.reader.received(buffer) }
    }

    func advance(_ time: TimeAmount) throws {
        self.loop.advanceTime(by: time)
        try self.read()
    }

    func answer(_ stream: UInt32) -> HTTP2Reader.Answer? { self.reader.answers[stream] }
    var isOpen: Bool { self.channel.isActive }
}
