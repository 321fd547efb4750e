public import NIOCore

/// The URL of something to pull, taken apart. What is handed on is put together again from its parts (`text`), so that nobody downstream can
/// read another host out of it than was checked here.
public struct SourceAddress: Sendable, Equatable {
    public enum Scheme: String, Sendable, CaseIterable {
        case rtsp, rtsps, rtmp, rtmps, http, https, srt, udp

        /// Nil: it has to be written.
        public var defaultPort: Int? {
            switch self {
            case .rtsp: 554
            case .rtsps: 322
            case .rtmp: 1935
            case .rtmps, .https: 443
            case .http: 80
            case .srt, .udp: nil
            }
        }
    }

    /// Bytes of a whole URL.
    public static let longest = 4096

    public let scheme: Scheme
    /// A name, or an address without brackets, with its zone if it has one. Empty only if `listens`: all addresses of this host.
    public private(set) var host: String
    /// 1–65535.
    public let port: Int
    private let writesPort: Bool
    private var userInfo: UserInfo?
    /// From the `/`, `?` or `#` behind the host on. As it was written; for schemes of HTTP's kind with blanks and bytes outside ASCII encoded.
    var tail: String

    /// Percent-encoded, every byte outside RFC 3986's unreserved ones.
    private struct UserInfo: Equatable {
        var user: String
        var password: String?
    }

    /// - Throws: `schemeNotAllowed` for every scheme but the eight, otherwise `invalidURL`.
    public init(_ url: String) throws(AddressRefusal) {
        let parts = try URLParts(url)
        self.scheme = parts.scheme
        self.host = parts.host
        guard let port = parts.port ?? parts.scheme.defaultPort else { throw .invalidURL }
        self.port = port
        self.writesPort = parts.port != nil
        self.userInfo = parts.user.map { UserInfo(user: PercentCoding.encoded($0), password: parts.password.map { PercentCoding.encoded($0) }) }
        self.tail = parts.tail
        guard !self.host.isEmpty || self.listens else { throw .invalidURL }
    }

    /// As it was meant, without percent-encoding; bytes that are not UTF-8 are replaced.
    public var user: String? { self.userInfo.map { Self.plain($0.user) } }
    public var password: String? { (self.userInfo?.password).map { Self.plain($0) } }

    /// The whole URL with its credentials, for the library that opens it. Never for a log: that is `redacted`.
    public var text: String {
        self.assembled(userInfo: self.userInfo.map { $0.user + ($0.password.map { ":" + $0 } ?? "") }, tail: self.tail)
    }

    /// For logs and messages: `***` for the password, for a lone user name (which is a token then), and for everything in path and query that is
    /// named like a secret.
    public var redacted: String {
        self.assembled(userInfo: self.userInfo.map { $0.password == nil ? "***" : $0.user + ":***" }, tail: Redaction.redacted(tail: self.tail))
    }

    /// The path with its `/`, as written; empty if there is none.
    public var path: String { String(self.tail.prefix { $0 != "?" && $0 != "#" }) }

    /// Path and query as written; empty if there are none.
    public var pathAndQuery: String { self.tail }

    /// It is waited at for somebody who sends; nobody is contacted: udp, and srt with `mode=listener`.
    public var listens: Bool {
        switch self.scheme {
        case .udp: return true
        case .srt:
            // libavformat takes the first of several; so that no reading of ours can differ from its, all have to say so.
            let modes = self.queryValues("mode")
            return !modes.isEmpty && modes.allSatisfy { $0 == "listener" }
        default: return false
        }
    }

    /// With these credentials in place of its own. Without a user name, unchanged. Control characters are left out: they would end a header.
    public func with(username: String?, password: String?) -> SourceAddress {
        guard let username, !username.isEmpty else { return self }
        var changed = self
        changed.userInfo = UserInfo(user: Self.encoded(username), password: password.map { Self.encoded($0) })
        return changed
    }

    /// The same at another host: a name, or an address without brackets. For an address that was checked in place of the name it was found for.
    public func replacingHost(_ host: String) -> SourceAddress {
        var changed = self
        changed.host = host
        return changed
    }

    /// As above; the port stays this URL's own.
    public func replacingHost(with address: SocketAddress) -> SourceAddress {
        self.replacingHost(address.plainText(withPort: false))
    }

    private func assembled(userInfo: String?, tail: String) -> String {
        let host = self.host.contains(":") ? "[\(self.host)]" : self.host
        return "\(self.scheme.rawValue)://\(userInfo.map { $0 + "@" } ?? "")\(host)\(self.writesPort ? ":\(self.port)" : "")\(tail)"
    }

    private static func plain(_ encoded: String) -> String { String(decoding: PercentCoding.decoded(encoded), as: UTF8.self) }

    private static func encoded(_ plain: String) -> String {
        PercentCoding.encoded(plain.utf8.filter { $0 >= 0x20 && $0 != 0x7F })
    }
}

extension SourceAddress: CustomStringConvertible, CustomDebugStringConvertible {
    /// `redacted`: the careless way to print it is the safe one.
    public var description: String { self.redacted }
    public var debugDescription: String { self.redacted }
}
