import NIOCore
import NIOHTTP1

/// How far the router's answer has got.
struct RoutedResponse {
    /// nil until the head is written.
    var framing: ResponseFraming?
    /// Body bytes still owed where the framing is a length.
    var owed: Int64 = 0
    /// Set when the body contradicts the declared length; only closing tells the client.
    var isBroken = false

    /// The head's bytes; decides the framing. `closes` is set when the response itself asks for the connection's end.
    mutating func begin(_ head: HTTPResponseHead, isHead: Bool, version: HTTPVersion, closes: inout Bool, into buffer: inout ByteBuffer) {
        let declared = head.headers.first(name: "content-length").flatMap { Int64($0) }
        let status = Int(head.status.code)
        let framing = ResponseFraming.choose(status: status, isHead: isHead, length: declared, version: version)
        self.framing = framing
        if case .length(let length) = framing { self.owed = length }
        if framing == .untilClose { closes = true }
        ResponseHead.begin(status: status, into: &buffer)
        for (name, value) in head.headers {
            switch name.lowercased() {
            case "connection":
                if value.lowercased().contains("close") { closes = true }
            case "transfer-encoding":
                break  // ours to decide
            default:
                ResponseHead.field(name, value, into: &buffer)
            }
        }
        if framing == .chunked { ResponseHead.field("Transfer-Encoding", "chunked", into: &buffer) }
    }

    /// What to put before the body bytes and after them; nil when they must not be sent.
    mutating func admit(_ body: inout ByteBuffer) -> (before: String, after: StaticString)? {
        guard body.readableBytes > 0 else { return nil }
        switch self.framing {
        case nil, .noBody:
            return nil
        case .length:
            if Int64(body.readableBytes) > self.owed {
                self.isBroken = true
                body = body.readSlice(length: Int(self.owed)) ?? ByteBuffer()
            }
            self.owed -= Int64(body.readableBytes)
            return body.readableBytes > 0 ? ("", "") : nil
        case .chunked:
            return (String(body.readableBytes, radix: 16) + "\r\n", "\r\n")
        case .untilClose:
            return ("", "")
        }
    }

    /// The bytes that end the body, if any.
    mutating func end(trailers: HTTPHeaders?, into buffer: inout ByteBuffer) {
        if self.owed > 0 { self.isBroken = true }
        guard self.framing == .chunked else { return }
        buffer.writeStaticString("0\r\n")
        for (name, value) in trailers ?? [:] { ResponseHead.field(name, value, into: &buffer) }
        buffer.writeStaticString("\r\n")
    }
}
