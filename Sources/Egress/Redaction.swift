/// Takes secrets out of the path and query of a URL before it is logged.
enum Redaction {
    static let mark = "***"

    /// Parts of names that tell a secret, in lower case. Of user names too: where credentials stand in a query, both are there.
    private static let parts = [
        "pass", "pwd", "secret", "token", "auth", "key", "sig", "hmac", "hash", "credential", "jwt", "session", "streamid", "user", "usr", "login",
        "ticket", "hdnts", "hdnea", "policy",
    ]
    /// Names that are too short to be looked for within others.
    private static let names: Set<String> = ["code", "p", "psw", "pw", "s", "sid", "st", "u", "uid"]

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

    /// A JWT, or what nobody would call a film: 24 and more letters of both sizes and digits mixed, 32 and more hexadecimal digits.
    private static func looksLikeToken(_ value: Substring) -> Bool {
        if value.hasPrefix("eyJ"), value.contains(".") { return true }
        guard value.utf8.count >= 24 else { return false }
        var (hasDigit, hasLower, hasUpper, isHexadecimal) = (false, false, false, true)
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): hasDigit = true
            case UInt8(ascii: "a")...UInt8(ascii: "z"): hasLower = true
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): hasUpper = true
            // Base64 in both alphabets, percent-encoded or not.
            case UInt8(ascii: "+"), UInt8(ascii: "="), UInt8(ascii: "%"), UInt8(ascii: "_"), UInt8(ascii: "-"): break
            default: return false
            }
            isHexadecimal = isHexadecimal && Character(Unicode.Scalar(byte)).isHexDigit
        }
        return hasDigit && (hasLower && hasUpper || isHexadecimal && value.utf8.count >= 32)
    }
}
