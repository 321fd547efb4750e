import NIOCore
import NIOEmbedded
import NIOWebSocket
import Synchronization
import Testing

@testable import HTTP

/// Handshake, keep-alive and closing on a virtual event loop.
struct WebSocketConnectionTests {
    private static let handshake =
        "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

    private let sockets = ScriptedSockets()

    private func connection(_ limits: WebSocketLimits = .init()) throws -> EmbeddedConnection {
        try EmbeddedConnection(webSockets: self.sockets, webSocketLimits: limits)
    }

    private func open(_ path: String = "/echo", _ limits: WebSocketLimits = .init()) throws -> EmbeddedConnection {
        let connection = try self.connection(limits)
        try connection.send(Wire.get(path, Self.handshake))
        let answer = try connection.received()
        try #require(answer.hasPrefix("HTTP/1.1 101 "))
        return connection
    }

    private func send(_ bytes: [UInt8], to connection: EmbeddedConnection) throws {
        try connection.channel.writeInbound(ByteBuffer(bytes: bytes))
        connection.loop.run()
    }

    /// A masked frame; the mask is zero, so that the bytes can be read.
    private static func frame(_ first: UInt8, _ payload: [UInt8]) -> [UInt8] {
        payload.count < 126
            ? [first, 0x80 | UInt8(payload.count), 0, 0, 0, 0] + payload
            : [first, 0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF), 0, 0, 0, 0] + payload
    }

    private func bytes(from connection: EmbeddedConnection) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let data = try connection.channel.readOutbound(as: ByteBuffer.self) { bytes += Array(buffer: data) }
        return bytes
    }

    private var codes: [WebSocketCloseCode] { self.sockets.sessions.withLock { $0.flatMap { session in session.codes.withLock { $0 } } } }

    @Test func theHandshakeIsThatOfTheSpecification() throws {
        let connection = try self.connection()
        try connection.send(Wire.get("/echo", Self.handshake + "Sec-WebSocket-Protocol: other, echo\r\n"))
        let answer = try connection.received()
        #expect(answer.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n") && answer.hasSuffix("\r\n\r\n"))
        // RFC 6455 §1.3.
        #expect(answer.lowercased().contains("sec-websocket-accept: \("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".lowercased())\r\n"))
        #expect(answer.lowercased().contains("sec-websocket-protocol: echo\r\n"))
        #expect(connection.isOpen)
    }

    @Test(arguments: [
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8", 426), ("Sec-WebSocket-Version: 13\r\n", "", 426),
        ("Connection: keep-alive, Upgrade", "Connection: keep-alive", 400), ("dGhlIHNhbXBsZSBub25jZQ==", "short", 400),
        ("Upgrade: websocket", "Upgrade: websocket\r\nContent-Length: 4", 400),
    ])
    func aWrongHandshakeIsRefused(_ right: String, _ wrong: String, _ status: Int) throws {
        let connection = try self.connection()
        let parts = Self.handshake.split(separator: right, maxSplits: 1, omittingEmptySubsequences: false)
        try #require(parts.count == 2)
        try connection.send(Wire.get("/echo", parts.joined(separator: wrong)))
        #expect(try connection.statuses() == [status])
        #expect(self.sockets.sessions.withLock { $0.isEmpty })
    }

    @Test func aRefusalIsAnOrdinaryAnswer() throws {
        let connection = try self.connection()
        try connection.send(Wire.get("/refuse", Self.handshake))
        #expect(try connection.statuses() == [403])
    }

    @Test func whereThereIsNoWebSocketTheRouterAnswers() throws {
        let connection = try self.connection()
        try connection.send(Wire.get("/elsewhere", Self.handshake))
        #expect(connection.router.paths == ["/elsewhere"])
    }

    @Test(arguments: [1, 2, 7, 64, 1000]) func anySplitGivesTheSameMessages(piece: Int) throws {
        let connection = try self.open()
        let text = Array(String(repeating: "ab", count: 150).utf8)
        var rest = (Self.frame(0x81, Array("one".utf8)) + Self.frame(0x01, text) + Self.frame(0x89, [7]) + Self.frame(0x80, [0x63]))[...]
        while !rest.isEmpty {
            try self.send(Array(rest.prefix(piece)), to: connection)
            rest = rest.dropFirst(piece)
        }
        let session = try #require(self.sockets.sessions.withLock { $0.first })
        #expect(session.received.withLock { $0 } == [.text("one"), .text(String(decoding: text, as: UTF8.self) + "c")])
        // The two echoes in their order, and the pong somewhere among them.
        let pong: [UInt8] = [0x8A, 1, 7]
        var answers = try self.bytes(from: connection)
        let place = try #require(answers.indices.first { answers[$0...].starts(with: pong) })
        answers.removeSubrange(place..<place + pong.count)
        #expect(answers == [0x81, 3] + Array("one".utf8) + [0x81, 126, 1, 45] + text + [0x63])
    }

    @Test func theClientsCloseIsAnsweredAndTheOutputShut() throws {
        let connection = try self.open()
        try self.send(Self.frame(0x88, [0x03, 0xE8]), to: connection)
        #expect(try self.bytes(from: connection) == [0x88, 2, 0x03, 0xE8])
        #expect(self.codes == [.normal])
        connection.loop.advanceTime(by: .seconds(6))
        #expect(!connection.isOpen && self.codes == [.normal])
    }

    @Test func aCloseThatIsNotAnsweredCutsTheConnection() throws {
        let connection = try self.open()
        try self.send(Self.frame(0x81, Array("close".utf8)), to: connection)
        #expect(try self.bytes(from: connection) == [0x88, 2, 0x03, 0xE8])
        #expect(connection.isOpen && self.codes.isEmpty)
        connection.loop.advanceTime(by: .seconds(5))
        #expect(!connection.isOpen && self.codes == [.normal])
    }

    @Test func aSilentClientIsPingedAndClosed() throws {
        let connection = try self.open()
        connection.loop.advanceTime(by: .seconds(20))
        #expect(try self.bytes(from: connection) == [0x89, 0])
        try self.send(Self.frame(0x8A, []), to: connection)
        connection.loop.advanceTime(by: .seconds(40))
        #expect(try self.bytes(from: connection) == [0x89, 0, 0x89, 0])
        connection.loop.advanceTime(by: .seconds(20))
        #expect(try self.bytes(from: connection) == [0x88, 2, 0x03, 0xE9])
        connection.loop.advanceTime(by: .seconds(5))
        #expect(!connection.isOpen && self.codes == [.goingAway])
    }

    @Test func aWebSocketInUseOutlivesTheTimeoutsOfHTTP() throws {
        let connection = try self.open()
        for _ in 0..<20 {
            connection.loop.advanceTime(by: .seconds(19))
            try self.send(Self.frame(0x8A, []), to: connection)
        }
        #expect(connection.isOpen && self.codes.isEmpty)
    }

    @Test(arguments: [
        ([0x81, 3] + Array("abc".utf8), WebSocketCloseCode.protocolError),  // not masked
        ([0x81, 0xFF, 0, 0, 0, 0, 0x7F, 0, 0, 0, 0, 0, 0, 0], .tooLarge), ([0x81, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], .tooLarge),
        ([0x89, 0xFE, 0, 126, 0, 0, 0, 0], .protocolError), ([0x09, 0x80, 0, 0, 0, 0], .protocolError), ([0x83, 0x80, 0, 0, 0, 0], .protocolError),
        ([0xC1, 0x80, 0, 0, 0, 0], .protocolError), ([0x80, 0x80, 0, 0, 0, 0], .protocolError),
        ([0x81, 0x82, 0, 0, 0, 0, 0xFF, 0xFE], .notUTF8),
        (Array("GET / HTTP/1.1\r\nHost: x\r\nUser-Agent: one that has not understood what it asked for\r\n\r\n".utf8), .protocolError),
    ])
    func hostileBytesCloseWithTheirCode(_ bytes: [UInt8], _ code: WebSocketCloseCode) throws {
        let connection = try self.open()
        try self.send(bytes, to: connection)
        #expect(try self.bytes(from: connection) == [0x88, 2, UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xFF)])
        #expect(self.codes == [code])
        // What comes after is thrown away.
        try self.send(Self.frame(0x81, Array("late".utf8)), to: connection)
        #expect(try self.bytes(from: connection).isEmpty)
        connection.loop.advanceTime(by: .seconds(5))
        #expect(!connection.isOpen && self.codes == [code])
        #expect(try #require(self.sockets.sessions.withLock { $0.first }).received.withLock { $0.isEmpty })
    }

    @Test func aClientThatTakesNothingIsClosedWithTryAgainLater() throws {
        var limits = WebSocketLimits()
        limits.queuedBytes = 64 << 10
        let connection = try self.connection(limits)
        try connection.channel.pipeline.syncOperations.addHandler(Plug(), position: .first)
        try connection.send(Wire.get("/flood", Self.handshake))
        connection.loop.run()
        let session = try #require(self.sockets.sessions.withLock { $0.first })
        #expect(session.socket.withLock { $0 }?.send(text: "more") == false)
        connection.loop.advanceTime(by: .seconds(5))
        #expect(!connection.isOpen && self.codes == [.tryAgainLater])
    }

    @Test func aConnectionThatBreaksIsToldOnce() throws {
        let connection = try self.open()
        connection.channel.close(promise: nil)
        connection.loop.run()
        #expect(self.codes == [.broken])
        #expect(try #require(self.sockets.sessions.withLock { $0.first }).socket.withLock { $0 }?.send(text: "late") == false)
    }
}
