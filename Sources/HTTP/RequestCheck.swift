import NIOHTTP1

/// What framing and this server's limits say about a request head, before anybody looks at what it asks for.
struct RequestCheck: Equatable {
    /// In origin form.
    var target: String
    var hasBody: Bool
    var expectsContinue: Bool
    /// The parser stops after such a request, so the connection cannot be used again: CONNECT, or an upgrade that nobody here offers.
    var mustClose: Bool

    enum Refusal: Int, Error {
        case badRequest = 400
        case requestTimeout = 408
        case uriTooLong = 414
        case expectationFailed = 417
        case headerFieldsTooLarge = 431
        case notImplemented = 501
        case unavailable = 503
    }

    static func check(_ head: HTTPRequestHead, limits: HTTPLimits) throws(Refusal) -> RequestCheck {
        guard head.uri.utf8.count <= limits.targetBytes else { throw .uriTooLong }
        if head.method == .CONNECT { throw .notImplemented }
        let target = try self.originForm(head.uri, method: head.method)
        // RFC 9112 §3.2: exactly one Host with HTTP/1.1, at most one before.
        let hosts = head.headers[canonicalForm: "host"].count
        guard hosts == 1 || (hosts == 0 && !head.version.keepsAliveByDefault) else { throw .badRequest }
        let isChunked = head.headers.contains(name: "transfer-encoding")
        var expectsContinue = false
        if let expectation = head.headers.first(name: "expect") {
            guard expectation.lowercased() == "100-continue" else { throw .expectationFailed }
            expectsContinue = head.version.keepsAliveByDefault
        }
        let length = head.headers.first(name: "content-length")
        if let length, Int64(length) == nil { throw .badRequest }
        return RequestCheck(
            target: target, hasBody: isChunked || (length != nil && length != "0"), expectsContinue: expectsContinue,
            mustClose: head.headers.contains(name: "upgrade"))
    }

    /// RFC 9112 §3.2: origin form, absolute form (as sent to proxies, but every server must take it), or `*` with OPTIONS.
    private static func originForm(_ uri: String, method: HTTPMethod) throws(Refusal) -> String {
        if uri.utf8.first == UInt8(ascii: "/") { return uri }
        if uri == "*" && method == .OPTIONS { return uri }
        let lowered = uri.prefix(8).lowercased()
        guard lowered.hasPrefix("http://") || lowered.hasPrefix("https://") else { throw .badRequest }
        let authority = uri[uri.index(uri.startIndex, offsetBy: lowered.hasPrefix("https://") ? 8 : 7)...]
        guard !authority.isEmpty else { throw .badRequest }
        guard let start = authority.firstIndex(where: { $0 == "/" || $0 == "?" }) else { return "/" }
        return authority[start] == "?" ? "/" + authority[start...] : String(authority[start...])
    }
}
