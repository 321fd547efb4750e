/// Reads Swift sources roughly, as far as house rules need it.
enum SourceScan {
    /// A rule about what may not stand in the code. `needles` are plain texts of which every match contains one; most files are dismissed by them.
    struct Rule {
        let what: String
        let needles: [String]
        let pattern: Regex<Substring>

        /// Numbers of the lines of code that match.
        func matches(in file: House.File) -> [Int] {
            guard self.needles.contains(where: { file.mentions($0) }) else { return [] }
            return SourceScan.code(file).filter { $0.text.firstMatch(of: self.pattern) != nil }.map(\.number)
        }
    }

    /// The lines of code with comments and the insides of texts blanked, numbered from 1. Texts over several lines are blanked as a whole.
    static func code(_ file: House.File) -> [(number: Int, text: String)] {
        var result: [(Int, String)] = []
        var isInText = false
        for (index, line) in file.lines.enumerated() {
            let quotes = line.contains("\"\"\"") ? line.ranges(of: "\"\"\"").count : 0
            if isInText || quotes > 0 {
                if quotes % 2 == 1 { isInText.toggle() }
                result.append((index + 1, ""))
            } else {
                result.append((index + 1, Self.blanked(line)))
            }
        }
        return result
    }

    private static func blanked(_ line: Substring) -> String {
        var kept: [UInt8] = []
        var isInText = false
        var isEscaped = false
        var isAfterSlash = false
        for byte in line.utf8 {
            if isInText {
                if byte == UInt8(ascii: "\""), !isEscaped { isInText = false } else { isEscaped = byte == UInt8(ascii: "\\") && !isEscaped }
                if isInText { continue }
            } else if byte == UInt8(ascii: "\"") {
                isInText = true
                isEscaped = false
            } else if byte == UInt8(ascii: "/"), isAfterSlash {
                kept.removeLast()
                break
            }
            isAfterSlash = !isInText && byte == UInt8(ascii: "/")
            kept.append(byte)
        }
        return String(decoding: kept, as: UTF8.self)
    }

    /// The modules a file imports. The C library has another name on other systems.
    static func imports(_ file: House.File) -> [(line: Int, module: String)] {
        let pattern =
            #/^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|fileprivate|private)\s+)?import\s+(?:(?:struct|class|enum|protocol|typealias|func|let|var)\s+)?(\w+)/#
        return Self.code(file).compactMap { number, text in
            guard text.contains("import "), let match = text.firstMatch(of: pattern) else { return nil }
            let module = String(match.output.1)
            return (number, ["Darwin", "Musl"].contains(module) ? "Glibc" : module)
        }
    }
}
