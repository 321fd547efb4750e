/// Percent-encoded text of request targets.
enum PercentText {
    /// Decodes `%hh`, and `+` as a blank where asked. Nil when an escape is broken or the result is not UTF-8.
    static func decode(_ text: some StringProtocol, plusIsBlank: Bool = false) -> String? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        var rest = text.utf8.makeIterator()
        while let byte = rest.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.next().flatMap(Self.digit), let low = rest.next().flatMap(Self.digit) else { return nil }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsBlank: bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

/// The query of a request: decoded pairs, in order.
struct QueryText: Sendable, Equatable {
    /// More pairs than this are not looked at.
    static let most = 256

    private let pairs: [Pair]

    private struct Pair: Sendable, Equatable {
        var name: String
        var value: String
    }

    /// Pairs with a broken escape are left out: nothing of this API has such a name or value.
    init(_ query: String?) {
        let parts = (query ?? "").split(separator: "&", maxSplits: Self.most).prefix(Self.most)
        self.pairs = parts.compactMap { part in
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentText.decode(halves[0], plusIsBlank: true),
                let value = halves.count > 1 ? PercentText.decode(halves[1], plusIsBlank: true) : ""
            else { return nil }
            return Pair(name: name, value: value)
        }
    }

    /// The first value of that name.
    subscript(name: String) -> String? { self.pairs.first { $0.name == name }?.value }
}
