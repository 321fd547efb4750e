/// `name=value` of a URL, percent-decoded; a bare flag has an empty value.
public struct QueryParameter: Sendable, Hashable {
    public var name: String
    public var value: String

    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }

    static func parse(_ query: Substring) -> [QueryParameter] {
        query.split(separator: "&").compactMap { item in
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = parts.first, !name.isEmpty else { return nil }
            return QueryParameter(name: PercentCoding.decode(name), value: parts.count > 1 ? PercentCoding.decode(parts[1]) : "")
        }
    }
}
