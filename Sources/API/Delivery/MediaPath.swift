/// A path below a public folder, out of a request's percent-encoded one.
enum MediaPath {
    private static let longest = 1024
    private static let longestName = 255

    /// Decoded once, as relative path of plain names; nil for whatever could mean anything but a file right there: empty names, `.` and `..` in any
    /// encoding, NUL and other control characters, backslashes, names that are hidden or too long, bytes that are no UTF-8.
    static func decode(_ encoded: Substring) -> String? {
        guard !encoded.isEmpty, encoded.utf8.count <= self.longest, let decoded = self.percentDecode(encoded) else { return nil }
        for name in decoded.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard !name.isEmpty, name.count <= self.longestName, name.first != UInt8(ascii: ".") else { return nil }
        }
        guard decoded.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") }) else { return nil }
        return decoded
    }

    private static func percentDecode(_ encoded: Substring) -> String? {
        guard encoded.utf8.contains(UInt8(ascii: "%")) else { return String(encoded) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(encoded.utf8.count)
        var rest = encoded.utf8.makeIterator()
        while let byte = rest.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.next().flatMap(self.hexDigit), let low = rest.next().flatMap(self.hexDigit) else { return nil }
            let decoded = high << 4 | low
            // An encoded slash is not a separator for anybody who checked the path before us.
            guard decoded != UInt8(ascii: "/") else { return nil }
            bytes.append(decoded)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
