#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// Takes a URL apart as libavformat does (`av_url_split`), and refuses what the two could read differently.
struct URLParts {
    let scheme: SourceAddress.Scheme
    /// Without percent-encoding.
    private(set) var user: [UInt8]?
    private(set) var password: [UInt8]?
    private(set) var host = ""
    private(set) var port: Int?
    private(set) var tail = ""

    private static let longestHost = 253

    init(_ url: String) throws(AddressRefusal) {
        guard url.utf8.count <= SourceAddress.longest, !url.utf8.contains(where: Self.isControl), url.first != " ", url.last != " " else {
            throw .invalidURL
        }
        let (scheme, rest) = try Self.scheme(of: url[...])
        self.scheme = scheme
        let end = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        self.tail = Self.tail(rest[end...], scheme)
        var authority = rest[..<end]
        if let at = authority.lastIndex(of: "@") {
            try self.readUserInfo(authority[..<at])
            authority = authority[authority.index(after: at)...]
        }
        let port = authority.first == "[" ? try self.readBracketed(authority) : try self.readName(authority)
        if let port { try self.readPort(port) }
    }

    private static func scheme(of url: Substring) throws(AddressRefusal) -> (SourceAddress.Scheme, rest: Substring) {
        guard let colon = url.firstIndex(of: ":") else { throw .invalidURL }
        let name = url[..<colon].lowercased()
        // RFC 3986 §3.1.
        let isScheme = name.utf8.allSatisfy {
            PercentCoding.isUnreserved($0) && $0 != UInt8(ascii: "_") && $0 != UInt8(ascii: "~") || $0 == UInt8(ascii: "+")
        }
        guard let first = name.utf8.first, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first), isScheme, name.utf8.count <= 32 else {
            throw .invalidURL
        }
        guard let scheme = SourceAddress.Scheme(rawValue: name) else { throw .schemeNotAllowed(name) }
        let rest = url[url.index(after: colon)...]
        guard rest.hasPrefix("//") else { throw .invalidURL }
        return (scheme, rest.dropFirst(2))
    }

    private static func tail(_ tail: Substring, _ scheme: SourceAddress.Scheme) -> String {
        switch scheme {
        case .http, .https:
            // A fragment is for whoever reads the answer (RFC 3986 §3.5), yet libavformat would send it.
            PercentCoding.encoded(tail.prefix { $0 != "#" }.utf8, except: PercentCoding.isVisible)
        case .rtsp, .rtsps:
            PercentCoding.encoded(tail.utf8, except: PercentCoding.isVisible)
        case .rtmp, .rtmps, .srt, .udp:
            // Stream names go to the peer as they are; an SRT stream id begins with # (Access Control guidelines of libsrt).
            String(tail)
        }
    }

    private mutating func readUserInfo(_ text: Substring) throws(AddressRefusal) {
        guard !text.isEmpty else { return }
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map { PercentCoding.decoded($0) }
        guard !parts.contains(where: { $0.contains(where: Self.isControl) }) else { throw .invalidURL }
        self.user = parts.first
        self.password = parts.count > 1 ? parts[1] : nil
    }

    /// - Returns: the text behind the `:`, if there is one.
    private mutating func readBracketed(_ text: Substring) throws(AddressRefusal) -> Substring? {
        guard let close = text.firstIndex(of: "]") else { throw .invalidURL }
        var literal = text[text.index(after: text.startIndex)..<close]
        var zone: Substring?
        if let percent = literal.firstIndex(of: "%") {
            let written = literal[literal.index(after: percent)...]
            // RFC 6874 writes the % as %25; most people do not.
            let name = written.hasPrefix("25") && written.count > 2 ? written.dropFirst(2) : written
            guard (1...32).contains(name.utf8.count), name.utf8.allSatisfy(PercentCoding.isUnreserved) else { throw .invalidURL }
            zone = name
            literal = literal[..<percent]
        }
        var address = [UInt8](repeating: 0, count: 16)
        guard inet_pton(AF_INET6, String(literal), &address) == 1 else { throw .invalidURL }
        self.host = zone.map { "\(literal)%\($0)" } ?? String(literal)
        let rest = text[text.index(after: close)...]
        guard let colon = rest.first else { return nil }
        guard colon == ":" else { throw .invalidURL }
        return rest.dropFirst()
    }

    private mutating func readName(_ text: Substring) throws(AddressRefusal) -> Substring? {
        let colon = text.firstIndex(of: ":")
        let name = text[..<(colon ?? text.endIndex)]
        guard name.utf8.count <= Self.longestHost, name.utf8.allSatisfy({ PercentCoding.isUnreserved($0) && $0 != UInt8(ascii: "~") }) else {
            throw .invalidURL
        }
        self.host = String(name)
        return colon.map { text[text.index(after: $0)...] }
    }

    /// Nothing behind the `:` is the scheme's own port (RFC 3986 §3.2.3).
    private mutating func readPort(_ text: Substring) throws(AddressRefusal) {
        guard !text.isEmpty else { return }
        guard text.utf8.count <= 5, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let port = Int(text),
            (1...65_535).contains(port)
        else { throw .invalidURL }
        self.port = port
    }

    private static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7F }
}
