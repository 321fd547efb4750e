/// Takes secrets out of the path and query of a URL before it is logged.
enum Redaction {
    static let mark = "***"

    /// Parts of names that tell a secret, in lower case. Of user names too: where credentials stand in a query, both are there.
    private static let parts = [
        "pass", "pwd", "secret", "token", "auth", "key", "sig", "hmac", "hash", "credential", "jwt", "session", "streamid", "user", "usr", "login",
        "ticket", "hdnts", "hdnea", "policy", "code",
    ]
    /// Names that are too short to be looked for within others.
    private static let names: Set<String> = ["pw", "psw", "u", "p", "s", "st", "sid", "usr", "uid", "id_token"]
    /// A value of this many characters, all of them of base64 or hexadecimal, with letters and digits: nobody names a stream so.
    private static let tokenLength = 24

    /// `tail`: what follows the host in a URL.
    static func redacted(tail: String) -> String {
        let end = tail.firstIndex(of: "?") ?? tail.endIndex
        let path = tail[..<end].split(separator: "/", omittingEmptySubsequences: false).map { Self.redacted(pathPart: $0) }.joined(separator: "/")
        guard end != tail.endIndex else { return path }
        let query = tail[tail.index(after: end)...].split(separator: "&", omittingEmptySubsequences: false).map { Self.redacted(item: $0) }
        return path + "?" + query.joined(separator: "&")
    }

    /// `name=value` pairs also stand in paths: `/user=admin_password=x_channel=1.sdp` is how many cameras are addressed.
    private static func redacted(pathPart part: Substring) -> String {
        let pairs = part.split(separator: ";", omittingEmptySubsequences: false).map { pair -> String in
            guard let equals = pair.firstIndex(of: "=") else { return Self.looksLikeToken(pair) ? Self.mark : String(pair) }
            return Self.isSecret(name: pair) || Self.looksLikeToken(pair[pair.index(after: equals)...]) ? pair[...equals] + Self.mark : String(pair)
        }
        return pairs.joined(separator: ";")
    }

    private static func redacted(item: Substring) -> String {
        guard let equals = item.firstIndex(of: "=") else { return Self.looksLikeToken(item) ? Self.mark : String(item) }
        let value = item[item.index(after: equals)...]
        guard !value.isEmpty, Self.isSecret(name: item[..<equals]) || Self.looksLikeToken(value) else { return String(item) }
        return item[...equals] + Self.mark
    }

    private static func isSecret(name: Substring) -> Bool {
        let name = String(decoding: PercentCoding.decoded(name), as: UTF8.self).lowercased()
        return Self.names.contains(name) || Self.parts.contains { name.contains($0) }
    }

    private static func looksLikeToken(_ value: Substring) -> Bool {
        guard value.utf8.count >= Self.tokenLength else { return false }
        var hasDigit = false
        var hasLetter = false
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): hasDigit = true
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"): hasLetter = true
            case UInt8(ascii: "+"), UInt8(ascii: "="), UInt8(ascii: "%"), UInt8(ascii: "_"), UInt8(ascii: "-"): break
            // A JWT has two dots; a file name has one.
            case UInt8(ascii: "."): break
            default: return false
            }
        }
        return hasDigit && hasLetter
    }
}
