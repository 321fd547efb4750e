/// Header fields that many answers have in common: checked and written out once, for both protocols.
public final class PreparedFields: Sendable {
    /// As they were given.
    public let list: [(String, String)]
    /// Lines of HTTP/1.1, each with its end.
    let lines: [UInt8]
    let block: HTTP2FieldBlock

    /// A field with a control character in name or value is left out.
    public init(_ list: [(String, String)]) {
        self.list = list
        var lines: [UInt8] = []
        var block = HTTP2FieldBlock()
        for (name, value) in list {
            block.add(name, value)
            guard ResponseHead.isName(name), ResponseHead.isValue(value) else { continue }
            lines.append(contentsOf: "\(name): \(value)\r\n".utf8)
        }
        self.lines = lines
        self.block = block
    }
}
