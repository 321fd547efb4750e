/// The head of a part of a form (RFC 7578 §4.2).
public struct MultipartHead: Sendable, Equatable {
    /// Of the form's field; nil where the part does not say.
    public var name: String?
    /// As the client calls its file: never a path of ours.
    public var fileName: String?

    /// Nil for what are no header fields. A folded line (RFC 5322 §2.2.3) is none: nobody sends them in forms, and readers differ about them.
    init?(_ text: some Collection<UInt8>, mostFields: Int) {
        guard !text.isEmpty else { return }
        let lines = Self.lines(of: Array(text)[...])
        guard let lines, lines.count <= mostFields else { return nil }
        for line in lines {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), !line.contains(0) else { return nil }
            let name = line[..<colon]
            guard !name.isEmpty, name.allSatisfy(HeaderParameters.isToken) else { return nil }
            guard String(decoding: name, as: UTF8.self).lowercased() == "content-disposition" else { continue }
            guard self.name == nil, let value = HeaderParameters(line[(colon + 1)...]), value.value == "form-data" else { return nil }
            self.name = value["name"]
            self.fileName = value["filename"]
        }
    }

    /// Nil when a carriage return or a line feed stands alone.
    private static func lines(of text: ArraySlice<UInt8>) -> [ArraySlice<UInt8>]? {
        var lines: [ArraySlice<UInt8>] = []
        var rest = text
        while true {
            let line = rest.prefix { $0 != UInt8(ascii: "\r") && $0 != UInt8(ascii: "\n") }
            lines.append(line)
            rest = rest.dropFirst(line.count)
            if rest.isEmpty { return lines }
            guard rest.starts(with: "\r\n".utf8) else { return nil }
            rest = rest.dropFirst(2)
        }
    }
}
