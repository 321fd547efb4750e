import NIOCore
import NIOWebSocket

/// From frames to messages, by the rules of RFC 6455 §5: a value that takes frames and says what they mean.
struct WebSocketReceiver {
    enum Event: Equatable {
        case message(WebSocketMessage)
        /// To be answered with a pong that holds the same.
        case ping(ByteBuffer)
        case pong
        /// `none` where the client gave no reason.
        case close(WebSocketCloseCode)
    }

    /// What a client did wrong, as the code it is told.
    struct Violation: Error, Equatable {
        var code: WebSocketCloseCode
    }

    private enum Partial {
        case none
        case text(ByteBuffer, fragments: Int)
        case binary(ByteBuffer, fragments: Int)
    }

    private let limits: WebSocketLimits
    private var partial = Partial.none

    init(limits: WebSocketLimits) {
        self.limits = limits
    }

    /// nil: a fragment, and more to come. After a violation nothing more may be given.
    mutating func received(_ frame: WebSocketFrame) throws(Violation) -> Event? {
        // §5.1: whatever a client sends is masked. §5.2: no extension was agreed on.
        guard frame.maskKey != nil, frame.reservedBits.isEmpty else { throw Violation(code: .protocolError) }
        let data = frame.unmaskedData
        switch frame.opcode {
        case .text:
            guard case .none = self.partial else { throw Violation(code: .protocolError) }
            return try self.add(data, to: .text(ByteBuffer(), fragments: 0), isLast: frame.fin)
        case .binary:
            guard case .none = self.partial else { throw Violation(code: .protocolError) }
            return try self.add(data, to: .binary(ByteBuffer(), fragments: 0), isLast: frame.fin)
        case .continuation:
            guard case .none = self.partial else { return try self.add(data, to: self.partial, isLast: frame.fin) }
            throw Violation(code: .protocolError)
        case .ping, .pong, .connectionClose:
            guard frame.fin, data.readableBytes <= 125 else { throw Violation(code: .protocolError) }
            if frame.opcode == .ping { return .ping(data) }
            return frame.opcode == .pong ? .pong : .close(try Self.closeCode(data))
        default:
            throw Violation(code: .protocolError)
        }
    }

    private mutating func add(_ data: ByteBuffer, to partial: Partial, isLast: Bool) throws(Violation) -> Event? {
        // Moved out, so that the copy in the enum is not a second owner.
        self.partial = .none
        switch partial {
        case .none:
            return nil
        case .text(var bytes, let fragments):
            try self.append(data, to: &bytes, fragments: fragments)
            guard isLast else {
                self.partial = .text(bytes, fragments: fragments + 1)
                return nil
            }
            guard let text = String(validating: bytes.readableBytesView, as: UTF8.self) else { throw Violation(code: .notUTF8) }
            return .message(.text(text))
        case .binary(var bytes, let fragments):
            try self.append(data, to: &bytes, fragments: fragments)
            guard isLast else {
                self.partial = .binary(bytes, fragments: fragments + 1)
                return nil
            }
            return .message(.binary(bytes))
        }
    }

    private func append(_ data: ByteBuffer, to bytes: inout ByteBuffer, fragments: Int) throws(Violation) {
        guard data.readableBytes <= self.limits.messageBytes - bytes.readableBytes else { throw Violation(code: .tooLarge) }
        guard fragments < self.limits.fragments else { throw Violation(code: .policy) }
        if fragments == 0 { bytes = data } else { bytes.writeImmutableBuffer(data) }
    }

    /// §5.5.1: nothing, or a code and a reason in UTF-8.
    private static func closeCode(_ data: ByteBuffer) throws(Violation) -> WebSocketCloseCode {
        var data = data
        guard data.readableBytes > 0 else { return .none }
        guard let number = data.readInteger(as: UInt16.self), WebSocketCloseCode(rawValue: number).isSendable else {
            throw Violation(code: .protocolError)
        }
        guard String(validating: data.readableBytesView, as: UTF8.self) != nil else { throw Violation(code: .notUTF8) }
        return WebSocketCloseCode(rawValue: number)
    }
}
