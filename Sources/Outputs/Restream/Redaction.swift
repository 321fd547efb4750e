/// Makes what a peer or a library said fit for the log and the status: no secret, no control characters, not long.
struct Redaction: Sendable {
    private static let longest = 200
    /// Shorter ones are found in any text, and are no secrets.
    private static let shortestSecret = 4

    private let secrets: [String]

    init(_ secrets: [some StringProtocol]) {
        // The longest first, since one may hold another.
        self.secrets = Set(secrets.map { String($0) }.filter { $0.utf8.count >= Self.shortestSecret })
            .sorted { ($1.utf8.count, $0) < ($0.utf8.count, $1) }
    }

    func callAsFunction(_ text: String) -> String {
        var text = String(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : Character($0) })
        for secret in self.secrets { text = Self.replacing(secret, in: text) }
        while text.last == " " { text.removeLast() }
        return text.utf8.count <= Self.longest ? text : String(text.prefix(Self.longest)) + "…"
    }

    private static func replacing(_ secret: String, in text: String) -> String {
        var result = ""
        var rest = text[...]
        while let range = rest.firstRange(of: secret) {
            result += rest[..<range.lowerBound] + "***"
            rest = rest[range.upperBound...]
        }
        return result + rest
    }
}
