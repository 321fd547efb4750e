/// Sends clients of the plain port to the secure one.
public struct SecureRedirect: Sendable, Equatable {
    /// The secure port as clients see it; 443 is left out of addresses.
    public var port: Int
    /// Answered on the plain port as before: health for probes, and what proves to a certificate authority whose host this is (RFC 8555 §8.3). An
    /// entry that ends with `/` stands for all below it.
    public var exemptPaths: [String]

    public init(port: Int, exemptPaths: [String] = ["/healthz", "/liveness", "/readyz", "/metrics", "/.well-known/acme-challenge/"]) {
        self.port = port
        self.exemptPaths = exemptPaths
    }

    /// nil when the request is to be answered here. A request whose Host is none gets 400: there is nowhere to send it.
    func answer(to request: ReadyRequest) -> ReadyResponse? {
        guard !self.exemptPaths.contains(where: { $0.hasSuffix("/") ? request.path.hasPrefix($0) : request.path == $0 }) else { return nil }
        guard let host = request.header("host").flatMap(Self.hostName) else { return .text(status: 400, "Bad Request") }
        let authority = self.port == 443 ? host : "\(host):\(self.port)"
        let path = request.path == "*" ? "/" : request.path
        let location = "https://\(authority)\(path)" + (request.query.map { "?\($0)" } ?? "")
        // 308 keeps method and body; the older 301 is what every GET client understands.
        let status = request.method == .get || request.method == .head ? 301 : 308
        return .text(status: status, "Moved Permanently", headers: [("Location", location)])
    }

    /// The Host field without its port; nil when it is neither a name nor an address.
    private static func hostName(_ field: String) -> Substring? {
        let host: Substring
        if field.utf8.first == UInt8(ascii: "[") {
            guard let end = field.firstIndex(of: "]") else { return nil }
            host = field[...end]
        } else {
            host = field.prefix { $0 != ":" }
        }
        guard (1...255).contains(host.utf8.count) else { return nil }
        let isClean = host.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"):
                true
            default: false
            }
        }
        return isClean ? host : nil
    }
}
