import NIOCore
import NIOWebSocket
import Testing

@testable import HTTP

/// Frames to messages, and what a client must not send.
struct WebSocketReceiverTests {
    private static let key: WebSocketMaskingKey = [1, 2, 3, 4]

    private static func frame(_ opcode: WebSocketOpcode, _ text: String = "", fin: Bool = true) -> WebSocketFrame {
        self.frame(opcode, Array(text.utf8), fin: fin)
    }

    private static func frame(_ opcode: WebSocketOpcode, _ bytes: [UInt8], fin: Bool = true) -> WebSocketFrame {
        var data = ByteBuffer(bytes: bytes)
        data.webSocketMask(self.key)
        return WebSocketFrame(fin: fin, opcode: opcode, maskKey: self.key, data: data)
    }

    private static func reserved(_ number: UInt8) -> WebSocketOpcode {
        WebSocketOpcode.allCases.first { UInt8(webSocketOpcode: $0) == number } ?? .continuation
    }

    private static func limits(messageBytes: Int = 10, fragments: Int = 3) -> WebSocketLimits {
        var limits = WebSocketLimits()
        limits.messageBytes = messageBytes
        limits.fragments = fragments
        return limits
    }

    @Test func messagesArePutTogetherWithPingsInBetween() throws {
        var receiver = WebSocketReceiver(limits: .init())
        #expect(try receiver.received(Self.frame(.text, "whole")) == .message(.text("whole")))
        #expect(try receiver.received(Self.frame(.text, "in ", fin: false)) == nil)
        #expect(try receiver.received(Self.frame(.ping, "?")) == .ping(ByteBuffer(string: "?")))
        #expect(try receiver.received(Self.frame(.continuation, "two ", fin: false)) == nil)
        #expect(try receiver.received(Self.frame(.pong)) == .pong)
        #expect(try receiver.received(Self.frame(.continuation, "parts")) == .message(.text("in two parts")))
        #expect(try receiver.received(Self.frame(.binary, [0xFF])) == .message(.binary(ByteBuffer(bytes: [0xFF]))))
    }

    @Test func aCharacterMayBeCutByAFragment() throws {
        var receiver = WebSocketReceiver(limits: .init())
        let bytes = Array("é".utf8)
        #expect(try receiver.received(Self.frame(.text, [bytes[0]], fin: false)) == nil)
        #expect(try receiver.received(Self.frame(.continuation, [bytes[1]])) == .message(.text("é")))
    }

    @Test func closeFramesSayWhy() throws {
        var receiver = WebSocketReceiver(limits: .init())
        #expect(try receiver.received(Self.frame(.connectionClose)) == .close(.none))
        #expect(try receiver.received(Self.frame(.connectionClose, [0x03, 0xE8] + Array("bye".utf8))) == .close(.normal))
        #expect(try receiver.received(Self.frame(.connectionClose, [0x0F, 0xA0])) == .close(.init(rawValue: 4000)))
    }

    @Test(arguments: [
        (WebSocketFrame(fin: true, opcode: .text, data: ByteBuffer(string: "not masked")), WebSocketCloseCode.protocolError),
        (WebSocketFrame(fin: true, rsv1: true, opcode: .text, maskKey: Self.key, data: ByteBuffer()), .protocolError),
        (Self.frame(.continuation, "of nothing"), .protocolError),
        (Self.frame(Self.reserved(3), "reserved"), .protocolError),
        (Self.frame(Self.reserved(11), "reserved"), .protocolError),
        (Self.frame(.ping, "", fin: false), .protocolError),
        (Self.frame(.ping, [UInt8](repeating: 0, count: 126)), .protocolError),
        (Self.frame(.connectionClose, [0x03]), .protocolError),
        (Self.frame(.connectionClose, [0x03, 0xED]), .protocolError),
        (Self.frame(.connectionClose, [0x00, 0x00]), .protocolError),
        (Self.frame(.connectionClose, [0x03, 0xE8, 0xFF]), .notUTF8),
        (Self.frame(.text, [0xC0, 0x80]), .notUTF8),
        (Self.frame(.text, [0xED, 0xA0, 0x80]), .notUTF8),
        (Self.frame(.text, "eleven byte"), .tooLarge),
    ])
    func whatAClientMustNotSendHasItsCode(_ frame: WebSocketFrame, _ code: WebSocketCloseCode) {
        var receiver = WebSocketReceiver(limits: Self.limits())
        #expect(throws: WebSocketReceiver.Violation(code: code)) { try receiver.received(frame) }
    }

    @Test func aMessageInAMessageIsAViolation() throws {
        var receiver = WebSocketReceiver(limits: .init())
        _ = try receiver.received(Self.frame(.text, "a", fin: false))
        #expect(throws: WebSocketReceiver.Violation(code: .protocolError)) { try receiver.received(Self.frame(.binary, "b")) }
    }

    @Test func fragmentsTogetherKeepTheLimits() throws {
        var receiver = WebSocketReceiver(limits: Self.limits())
        _ = try receiver.received(Self.frame(.binary, "123456", fin: false))
        #expect(throws: WebSocketReceiver.Violation(code: .tooLarge)) { try receiver.received(Self.frame(.continuation, "78901")) }
        receiver = WebSocketReceiver(limits: Self.limits())
        for part in 0..<3 { _ = try receiver.received(Self.frame(part == 0 ? .text : .continuation, "", fin: false)) }
        #expect(throws: WebSocketReceiver.Violation(code: .policy)) { try receiver.received(Self.frame(.continuation, "")) }
    }
}
