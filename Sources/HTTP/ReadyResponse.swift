public import NIOCore

/// A response of the fast path. The transport adds Content-Length or Transfer-Encoding, Date, Server and Connection, and leaves the body out where the request
/// was HEAD or the status has none; the responder does not think of these.
public struct ReadyResponse: Sendable {
    /// 200…599.
    public var status: Int
    /// Sent before `headers`.
    public var common: PreparedFields?
    /// A field with a control character in name or value is left out.
    public var headers: [(String, String)]
    public var body: ReadyBody

    public init(status: Int, common: PreparedFields? = nil, headers: [(String, String)] = [], body: ReadyBody = .none) {
        self.status = status
        self.common = common
        self.headers = headers
        self.body = body
    }

    /// `common` and `headers` together.
    public var allHeaders: [(String, String)] { (self.common?.list ?? []) + self.headers }

    /// A short plain text, for errors and health.
    public static func text(status: Int, _ text: String, headers: [(String, String)] = []) -> ReadyResponse {
        ReadyResponse(
            status: status, headers: [("Content-Type", "text/plain; charset=utf-8")] + headers, body: .buffer(ByteBuffer(string: text + "\n")))
    }
}

public enum ReadyBody: Sendable {
    case none
    /// Shared with whoever else sends it; never copied.
    case buffer(ByteBuffer)
    /// `length` bytes of a regular file from `offset`, sent by sendfile(2). The transport opens it when it is its turn and closes it; when it is
    /// gone or shorter by then, the answer is 404.
    case file(path: String, offset: Int64, length: Int64)
    /// Sent while it is being made.
    case growing(GrowingBody)

    /// In bytes; nil: not known before its end.
    public var length: Int64? {
        switch self {
        case .none: 0
        case .buffer(let buffer): Int64(buffer.readableBytes)
        case .file(_, _, let length): length
        case .growing: nil
        }
    }
}
