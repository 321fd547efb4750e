/// The value that tells one viewer from another.
enum ViewerCookie {
    private static let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8)

    static func make() -> String { ViewerCookie.random(20) }

    static func random(_ length: Int) -> String {
        String(decoding: (0..<length).map { _ in self.letters[Int.random(in: 0..<self.letters.count)] }, as: UTF8.self)
    }

    /// The shape of what `make()` gives; anything else was never ours.
    static func isValid(_ value: String) -> Bool {
        value.utf8.count == 20 && value.utf8.allSatisfy { self.letters.contains($0) }
    }
}
