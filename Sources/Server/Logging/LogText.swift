/// Makes text from peers safe to put into a log line.
///
/// Control characters, line and paragraph separators and the marks that reorder text on a terminal are written as escapes, so that nobody can
/// forge a line or colour a terminal through a stream name.
enum LogText {
    /// Appends at most about `limit` bytes of `text`; a longer one ends in `…`.
    static func append(_ text: String, limit: Int, quote: Bool, to line: inout String) {
        var room = limit
        for scalar in text.unicodeScalars {
            let size = scalar.utf8.count
            guard room >= size else {
                line.append("…")
                return
            }
            room -= size
            switch scalar {
            case "\n": line.append("\\n")
            case "\r": line.append("\\r")
            case "\t": line.append("\\t")
            case "\"" where quote: line.append("\\\"")
            case "\\" where quote: line.append("\\\\")
            default:
                if Self.isUnsafe(scalar) { Self.appendEscape(scalar, to: &line) } else { line.unicodeScalars.append(scalar) }
            }
        }
    }

    /// As JSON wants it: in quotes. `\u202e` escapes are plain JSON too.
    static func appendQuoted(_ text: String, limit: Int, to line: inout String) {
        line.append("\"")
        Self.append(text, limit: limit, quote: true, to: &line)
        line.append("\"")
    }

    static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00...0x1F, 0x7F...0x9F: true
        case 0x061C, 0x200E, 0x200F, 0x2028, 0x2029, 0x202A...0x202E, 0x2066...0x2069, 0xFEFF: true
        default: false
        }
    }

    private static func appendEscape(_ scalar: Unicode.Scalar, to line: inout String) {
        // All unsafe characters lie in the basic plane: four digits do.
        let digits = String(scalar.value, radix: 16)
        line.append("\\u" + String(repeating: "0", count: 4 - digits.count) + digits)
    }
}
