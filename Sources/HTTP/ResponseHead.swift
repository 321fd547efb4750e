import NIOCore
import NIOHTTP1

/// How the end of a response's body is told to the client (RFC 9112 §6.3).
enum ResponseFraming: Equatable {
    /// HEAD, 1xx, 204 and 304: body bytes are left out.
    case noBody
    case length(Int64)
    case chunked
    /// HTTP/1.0 without a length: the connection's end is the body's end.
    case untilClose

    /// `length` is what the response declares, if it does.
    static func choose(status: Int, isHead: Bool, length: Int64?, version: HTTPVersion) -> ResponseFraming {
        if isHead || status == 204 || status == 304 || status < 200 { return .noBody }
        if let length { return .length(length) }
        return version.keepsAliveByDefault ? .chunked : .untilClose
    }
}

/// Serialises status line and header fields. Both paths go through it, so that neither can split a response.
enum ResponseHead {
    static let continueText: StaticString = "HTTP/1.1 100 Continue\r\n\r\n"

    static func begin(status: Int, into buffer: inout ByteBuffer) {
        switch status {
        case 200: buffer.writeStaticString("HTTP/1.1 200 OK\r\n")
        case 206: buffer.writeStaticString("HTTP/1.1 206 Partial Content\r\n")
        case 304: buffer.writeStaticString("HTTP/1.1 304 Not Modified\r\n")
        case 404: buffer.writeStaticString("HTTP/1.1 404 Not Found\r\n")
        default: buffer.writeString("HTTP/1.1 \(status) \(HTTPResponseStatus(statusCode: status).reasonPhrase)\r\n")
        }
    }

    static func field(_ name: String, _ value: String, into buffer: inout ByteBuffer) {
        guard self.isName(name), self.isValue(value) else { return }
        buffer.writeString(name)
        buffer.writeStaticString(": ")
        buffer.writeString(value)
        buffer.writeStaticString("\r\n")
    }

    static func fields(_ common: PreparedFields, into buffer: inout ByteBuffer) {
        buffer.writeBytes(common.lines)
    }

    /// Of a value that is known to be clean.
    static func date(_ text: String, into buffer: inout ByteBuffer) {
        buffer.writeStaticString("Date: ")
        buffer.writeString(text)
        buffer.writeStaticString("\r\n")
    }

    static func contentLength(_ length: Int64, into buffer: inout ByteBuffer) {
        buffer.writeStaticString("Content-Length: ")
        buffer.writeString(String(length))
        buffer.writeStaticString("\r\n")
    }

    static func end(into buffer: inout ByteBuffer) {
        buffer.writeStaticString("\r\n")
    }

    static func isName(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
    }

    /// RFC 9110 §5.5: no CR, LF, NUL; other control characters but TAB are of no use either.
    static func isValue(_ value: String) -> Bool {
        func isClean(_ bytes: some Sequence<UInt8>) -> Bool { bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 } }
        // Nearly always there, and several times as fast.
        return value.utf8.withContiguousStorageIfAvailable { isClean($0) } ?? isClean(value.utf8)
    }
}

extension HTTPVersion {
    /// HTTP/1.1 and later minors: connections stay open, bodies may be chunked, Host is required.
    var keepsAliveByDefault: Bool { self.major == 1 && self.minor >= 1 }
}
