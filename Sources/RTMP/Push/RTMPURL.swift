/// An `rtmp` or `rtmps` URL to push to, taken apart: `rtmp[s]://[user:password@]host[:port]/{app}/{key}`.
///
/// The key is what follows the last `/` before a `?`, with everything behind it: keys carry queries with slashes of their own. The application
/// may be empty (`rtmp://host/key`, as Kick has it) and may have several segments. `rtmps://host/app#key` says both without guessing.
public struct RTMPURL: Sendable, Hashable {
    public enum Failure: Error, Sendable, Equatable {
        case unsupportedScheme
        case missingHost
        /// Not a name, an IPv4 address or an IPv6 address in brackets.
        case invalidHost
        case invalidPort
        case missingKey
        /// Spaces, control characters, or text beyond ASCII that is not percent-encoded.
        case invalidCharacter
        case tooLong(limit: Int)
    }

    static let longest = 4096

    public let isTLS: Bool
    /// Without brackets; for the connection and for TLS server name indication.
    public let host: String
    /// 1935, or 443 for rtmps, unless the URL says otherwise: that is what platforms mean.
    public let port: Int
    /// Not percent-decoded: servers compare texts.
    public let app: String
    public let key: String
    public let user: String?
    public let password: String?
    private let authority: String

    /// What `connect` says: the URL without key and without user, the port as it was written.
    public var tcURL: String { "\(self.isTLS ? "rtmps" : "rtmp")://\(self.authority)/\(self.app)" }

    public init(_ text: String) throws(Failure) {
        var rest = try Self.checked(text)
        let parts = try Authority(&rest)
        if let hash = rest.firstIndex(of: "#") {
            let path = rest[..<hash]
            try self.init(parts, app: Self.trimmed(path), key: rest[rest.index(after: hash)...])
            return
        }
        let path = rest.prefix { $0 != "?" }
        guard let slash = path.lastIndex(of: "/") else { throw .missingKey }
        try self.init(parts, app: Self.trimmed(path[..<slash]), key: rest[path.index(after: slash)...])
    }

    /// Address and key kept apart, as platforms hand them out: nothing has to be guessed.
    public init(base: String, key: String) throws(Failure) {
        var rest = try Self.checked(base)
        let parts = try Authority(&rest)
        let key = try Self.checked(key)
        try self.init(parts, app: Self.trimmed(rest), key: key.first == "/" ? key.dropFirst() : key)
    }

    private init(_ parts: Authority, app: Substring, key: Substring) throws(Failure) {
        guard !key.isEmpty else { throw .missingKey }
        self.isTLS = parts.isTLS
        self.host = parts.host
        self.port = parts.port
        self.user = parts.user
        self.password = parts.password
        self.authority = parts.text
        self.app = String(app)
        self.key = String(key)
    }

    private static func checked(_ text: String) throws(Failure) -> Substring {
        guard text.utf8.count <= Self.longest else { throw .tooLong(limit: Self.longest) }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw .invalidCharacter }
        return text[...]
    }

    private static func trimmed(_ path: Substring) -> Substring {
        var path = path
        while path.first == "/" { path.removeFirst() }
        while path.last == "/" { path.removeLast() }
        return path
    }
}

extension RTMPURL {
    /// Scheme, user, host and port.
    private struct Authority {
        var isTLS: Bool
        var host: String
        var port: Int
        var user: String?
        var password: String?
        /// Host and port as they were written.
        var text: String

        /// Takes its part off the front of `rest`, which then begins with the path.
        init(_ rest: inout Substring) throws(Failure) {
            let scheme = rest.prefix { $0 != ":" }
            switch scheme.lowercased() {
            case "rtmp": self.isTLS = false
            case "rtmps": self.isTLS = true
            default: throw .unsupportedScheme
            }
            rest = rest.dropFirst(scheme.count)
            guard rest.hasPrefix("://") else { throw .unsupportedScheme }
            rest = rest.dropFirst(3)
            var authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
            rest = rest.dropFirst(authority.count)
            // Passwords may hold an @; hosts may not.
            if let at = authority.lastIndex(of: "@") {
                let pair = authority[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
                self.user = pair.first.map(PercentCoding.decode)
                self.password = pair.count > 1 ? PercentCoding.decode(pair[1]) : nil
                authority = authority[authority.index(after: at)...]
            }
            self.text = String(authority)
            var port = authority
            self.host = try Self.host(&port)
            self.port = try Self.port(port, isTLS: self.isTLS)
        }

        /// Takes the host off the front, leaving the port with its colon or nothing.
        private static func host(_ authority: inout Substring) throws(Failure) -> String {
            if authority.first == "[" {
                guard let end = authority.firstIndex(of: "]") else { throw .invalidHost }
                let address = authority[authority.index(after: authority.startIndex)..<end]
                authority = authority[authority.index(after: end)...]
                guard address.contains(":"), address.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else { throw .invalidHost }
                return String(address)
            }
            let name = authority.prefix { $0 != ":" }
            authority = authority.dropFirst(name.count)
            guard !name.isEmpty else { throw .missingHost }
            guard name.utf8.count <= 253, name.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "-" || $0 == "." || $0 == "_" }) else {
                throw .invalidHost
            }
            return String(name)
        }

        private static func port(_ text: Substring, isTLS: Bool) throws(Failure) -> Int {
            guard text.first == ":" else {
                guard text.isEmpty else { throw .invalidHost }
                return isTLS ? 443 : 1935
            }
            let digits = text.dropFirst()
            guard digits.allSatisfy(\.isWholeNumber), let port = Int(digits), (1...65535).contains(port) else { throw .invalidPort }
            return port
        }
    }
}
