/// A field's value with parameters: `form-data; name="file"; filename="a.mp4"` (RFC 9110 §5.6.6).
public struct HeaderParameters: Sendable, Equatable {
    /// In lower case.
    public let value: String
    private let parameters: [String: String]

    public init?(_ text: String) { self.init(Array(text.utf8)[...]) }

    /// Nil for what is none, also when a parameter is given twice: two readers could take a different one.
    init?(_ text: ArraySlice<UInt8>) {
        var rest = text
        Self.skipBlanks(&rest)
        let value = rest.prefix { $0 != UInt8(ascii: ";") && !Self.isBlank($0) }
        rest = rest.dropFirst(value.count)
        guard !value.isEmpty, value.allSatisfy({ Self.isToken($0) || $0 == UInt8(ascii: "/") }) else { return nil }
        self.value = String(decoding: value, as: UTF8.self).lowercased()
        var parameters: [String: String] = [:]
        while true {
            Self.skipBlanks(&rest)
            guard let byte = rest.popFirst() else { break }
            guard byte == UInt8(ascii: ";") else { return nil }
            Self.skipBlanks(&rest)
            // An empty one is allowed.
            if rest.isEmpty || rest.first == UInt8(ascii: ";") { continue }
            guard let (name, text) = Self.readParameter(&rest), parameters.updateValue(text, forKey: name) == nil else { return nil }
        }
        self.parameters = parameters
    }

    /// The value of the parameter of that name, which is in lower case.
    public subscript(name: String) -> String? { self.parameters[name] }

    private static func readParameter(_ rest: inout ArraySlice<UInt8>) -> (name: String, text: String)? {
        let name = rest.prefix(while: Self.isToken)
        rest = rest.dropFirst(name.count)
        guard !name.isEmpty, rest.popFirst() == UInt8(ascii: "=") else { return nil }
        var text: [UInt8] = []
        if rest.first == UInt8(ascii: "\"") {
            rest = rest.dropFirst()
            while true {
                guard var byte = rest.popFirst() else { return nil }
                if byte == UInt8(ascii: "\"") { break }
                if byte == UInt8(ascii: "\\") {
                    guard let escaped = rest.popFirst() else { return nil }
                    byte = escaped
                }
                text.append(byte)
            }
        } else {
            text = Array(rest.prefix(while: Self.isToken))
            rest = rest.dropFirst(text.count)
            guard !text.isEmpty else { return nil }
        }
        return (String(decoding: name, as: UTF8.self).lowercased(), String(decoding: text, as: UTF8.self))
    }

    private static func skipBlanks(_ rest: inout ArraySlice<UInt8>) { rest = rest.drop(while: Self.isBlank) }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    /// RFC 9110 §5.6.2.
    static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
