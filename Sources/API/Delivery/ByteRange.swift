/// A single byte range of a Range field (RFC 9110 §14.1.2, §14.2).
struct ByteRange: Equatable {
    var offset: Int64
    var length: Int64

    enum Parsed: Equatable {
        /// No range, several, another unit or nonsense: the whole is sent, as a server always may.
        case whole
        case range(ByteRange)
        case unsatisfiable
    }

    static func parse(_ field: String?, size: Int64) -> Parsed {
        guard let field, field.hasPrefix("bytes=") else { return .whole }
        let text = field.dropFirst(6)
        guard let dash = text.utf8.firstIndex(of: UInt8(ascii: "-")) else { return .whole }
        let first = text[..<dash]
        let last = text[text.utf8.index(after: dash)...]
        switch (self.number(first), self.number(last)) {
        case (nil, let suffix?) where first.isEmpty:
            guard suffix > 0, size > 0 else { return .unsatisfiable }
            let length = min(suffix, size)
            return .range(ByteRange(offset: size - length, length: length))
        case (let start?, nil) where last.isEmpty:
            guard start < size else { return .unsatisfiable }
            return .range(ByteRange(offset: start, length: size - start))
        case (let start?, let end?):
            guard start <= end else { return .whole }
            guard start < size else { return .unsatisfiable }
            return .range(ByteRange(offset: start, length: min(end, size - 1) - start + 1))
        default:
            return .whole
        }
    }

    /// Digits only; what does not fit is as far away as can be.
    private static func number(_ text: Substring) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return Int64(text) ?? .max
    }

    /// Of the Content-Range field.
    func text(size: Int64) -> String { "bytes \(self.offset)-\(self.offset + self.length - 1)/\(size)" }
}
