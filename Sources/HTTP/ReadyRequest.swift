public import NIOHTTP1

/// The head of a request as the fast path sees it. Nothing in it has been decoded or normalised beyond what HTTP framing needs.
public struct ReadyRequest: Sendable {
    public enum Method: Sendable, Equatable {
        case get
        case head
        case options
        case other(String)
    }

    public let method: Method
    /// Percent-encoded as sent, without query; begins with `/`, or is `*` for `OPTIONS *`.
    public let path: String
    /// What follows the first `?`, percent-encoded as sent; nil when there is none.
    public let query: String?
    /// The peer's address without port.
    public let remoteAddress: String
    public let isSecure: Bool
    public let isKeepAlive: Bool
    /// `ReadyBody.file` goes to the socket by sendfile(2): neither TLS nor HTTP/2 is between.
    public let sendsFilesUncopied: Bool
    private let fields: Fields

    private enum Fields: Sendable {
        case parsed(HTTPHeaders)
        case asSent(RequestFields)
    }

    /// `target` is the request target in origin form (RFC 9112 §3.2.1).
    public init(
        method: Method, target: String, fields: HTTPHeaders = [:], remoteAddress: String = "127.0.0.1", isSecure: Bool = false,
        isKeepAlive: Bool = true, sendsFilesUncopied: Bool = false
    ) {
        self.init(
            method: method, target: target, fields: .parsed(fields), remoteAddress: remoteAddress, isSecure: isSecure, isKeepAlive: isKeepAlive,
            sendsFilesUncopied: sendsFilesUncopied)
    }

    init(method: Method, target: String, asSent fields: RequestFields, remoteAddress: String, isSecure: Bool, sendsFilesUncopied: Bool) {
        self.init(
            method: method, target: target, fields: .asSent(fields), remoteAddress: remoteAddress, isSecure: isSecure, isKeepAlive: true,
            sendsFilesUncopied: sendsFilesUncopied)
    }

    private init(
        method: Method, target: String, fields: Fields, remoteAddress: String, isSecure: Bool, isKeepAlive: Bool, sendsFilesUncopied: Bool
    ) {
        self.method = method
        if let mark = target.utf8.firstIndex(of: UInt8(ascii: "?")) {
            self.path = String(target[..<mark])
            self.query = String(target[target.utf8.index(after: mark)...])
        } else {
            self.path = target
            self.query = nil
        }
        self.fields = fields
        self.remoteAddress = remoteAddress
        self.isSecure = isSecure
        self.isKeepAlive = isKeepAlive
        self.sendsFilesUncopied = sendsFilesUncopied
    }

    /// The first field of this name; names are compared without regard to case.
    public func header(_ name: String) -> String? {
        switch self.fields {
        case .parsed(let fields): fields.first(name: name)
        case .asSent(let fields): fields.first(name)
        }
    }

    /// All fields of this name, in order.
    public func headers(_ name: String) -> [String] {
        switch self.fields {
        case .parsed(let fields): fields[name]
        case .asSent(let fields): fields.all(name)
        }
    }
}

extension ReadyRequest.Method {
    init(_ method: HTTPMethod) {
        switch method {
        case .GET: self = .get
        case .HEAD: self = .head
        case .OPTIONS: self = .options
        default: self = .other(method.rawValue)
        }
    }
}
