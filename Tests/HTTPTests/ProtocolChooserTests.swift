import NIOCore
import NIOEmbedded
import NIOTLS
import Synchronization
import Testing

@testable import HTTP

@Suite struct ProtocolChooserTests {
    /// What was chosen, and the bytes that came behind the choice.
    private final class Choice {
        var kinds: [ProtocolChooser.Kind?] = []
    }

    private func make(_ mode: ProtocolChooser.Mode, limits: HTTPLimits = .init()) throws -> (EmbeddedChannel, EmbeddedEventLoop, Choice) {
        let loop = EmbeddedEventLoop()
        let choice = Choice()
        let channel = EmbeddedChannel(loop: loop)
        let chooser = ProtocolChooser(mode: mode, limits: limits, counters: HTTPCounters()) { kind, _ in choice.kinds.append(kind) }
        try channel.pipeline.syncOperations.addHandler(chooser)
        channel.connect(to: try SocketAddress(ipAddress: "192.0.2.7", port: 1), promise: nil)
        return (channel, loop, choice)
    }

    private func received(_ channel: EmbeddedChannel) throws -> String {
        var text = ""
        while let buffer = try channel.readInbound(as: ByteBuffer.self) { text += String(buffer: buffer) }
        return text
    }

    @Test(arguments: [1, 3, 14, 24, 30]) func thePrefaceMeansHTTP2InAnySplit(piece: Int) throws {
        let (channel, _, choice) = try self.make(.firstBytes)
        let text = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore"
        var left = Substring(text)
        while !left.isEmpty {
            try channel.writeInbound(ByteBuffer(substring: left.prefix(piece)))
            left = left.dropFirst(piece)
        }
        #expect(choice.kinds == [.http2])
        #expect(try self.received(channel) == text)
    }

    @Test(arguments: ["GET / HTTP/1.1\r\n", "P", "PRI * HTTP/2.0\r\n\r\nXX", "PUT / HTTP/1.1\r\n"]) func anythingElseMeansHTTP1(text: String) throws {
        let (channel, _, choice) = try self.make(.firstBytes)
        for byte in text.utf8 { try channel.writeInbound(ByteBuffer(bytes: [byte])) }
        guard text != "P" else {
            #expect(choice.kinds.isEmpty, "a P alone may be either")
            return
        }
        #expect(choice.kinds == [.http1])
        #expect(try self.received(channel) == text)
    }

    @Test func theHandshakeDecidesOnASecurePort() throws {
        for (name, kind) in [("h2", ProtocolChooser.Kind.http2), ("http/1.1", .http1), (nil, .http1)] as [(String?, ProtocolChooser.Kind)] {
            let (channel, _, choice) = try self.make(.handshake)
            channel.pipeline.fireUserInboundEventTriggered(TLSUserEvent.handshakeCompleted(negotiatedProtocol: name))
            #expect(choice.kinds == [kind])
            try channel.writeInbound(ByteBuffer(string: "x"))
            #expect(try self.received(channel) == "x")
        }
    }

    @Test func whoSaysNothingIsClosedAfterAWhile() throws {
        var limits = HTTPLimits()
        limits.idleTimeout = .seconds(60)
        limits.headTimeout = .seconds(10)
        let (silent, silentLoop, silentChoice) = try self.make(.firstBytes, limits: limits)
        silentLoop.advanceTime(by: .seconds(59))
        #expect(silent.isActive)
        silentLoop.advanceTime(by: .seconds(2))
        #expect(!silent.isActive)
        #expect(silentChoice.kinds == [nil])

        let (slow, slowLoop, slowChoice) = try self.make(.firstBytes, limits: limits)
        try slow.writeInbound(ByteBuffer(string: "PRI"))
        slowLoop.advanceTime(by: .seconds(9))
        try slow.writeInbound(ByteBuffer(string: " "))
        #expect(slow.isActive)
        slowLoop.advanceTime(by: .seconds(2))
        #expect(!slow.isActive)
        #expect(slowChoice.kinds == [nil])
    }

    @Test func theEndBeforeAChoiceIsToldOnce() throws {
        let (channel, _, choice) = try self.make(.firstBytes)
        channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(!channel.isActive)
        _ = try channel.finish(acceptAlreadyClosed: true)
        #expect(choice.kinds == [nil])
    }
}
