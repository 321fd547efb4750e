extension SourceAddress {
    /// Without its `?`, as written; nil if there is none.
    public var query: String? {
        guard let mark = self.tail.firstIndex(of: "?") else { return nil }
        return String(self.tail[self.tail.index(after: mark)...])
    }

    /// The first value of this name, percent-decoded; empty for a name without `=`. Names are compared as written.
    public func queryValue(_ name: String) -> String? { self.queryValues(name).first }

    /// All values of this name, in order.
    public func queryValues(_ name: String) -> [String] {
        self.items.filter { Self.name(of: $0) == name }.map { item in
            String(decoding: PercentCoding.decoded(item.dropFirst(name.count).dropFirst()), as: UTF8.self)
        }
    }

    /// Without the query items of these names: instructions to us that the source has no use for.
    public func removingQuery(_ names: Set<String>) -> SourceAddress {
        guard let mark = self.tail.firstIndex(of: "?") else { return self }
        let kept = self.items.filter { !names.contains(String(Self.name(of: $0))) }
        guard kept.count != self.items.count else { return self }
        var changed = self
        changed.tail = self.tail[..<mark] + (kept.isEmpty ? "" : "?" + kept.joined(separator: "&"))
        return changed
    }

    private var items: [Substring] {
        guard let mark = self.tail.firstIndex(of: "?") else { return [] }
        return self.tail[self.tail.index(after: mark)...].split(separator: "&", omittingEmptySubsequences: false)
    }

    private static func name(of item: Substring) -> Substring { item.prefix { $0 != "=" } }
}
