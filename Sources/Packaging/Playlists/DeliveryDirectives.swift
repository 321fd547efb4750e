/// What a client asks of a playlist by its query: RFC 8216bis §6.2.5 (`_HLS_msn`, `_HLS_part`, `_HLS_skip`), and this server's `start`, `end` and
/// `dvr`. Directives it does not know are passed over, as the RFC wants.
public struct DeliveryDirectives: Sendable, Hashable {
    public enum Malformed: Error, Sendable, Hashable {
        /// A value is no number, a directive stands twice with different values, `_HLS_part` is alone, or a cut ends before it begins.
        case query
    }

    /// Wait for this media sequence number.
    public var segment: UInt64?
    /// Wait for this part of it.
    public var part: UInt64?
    /// A delta update is welcome.
    public var skips = false
    /// Milliseconds since 1970: what was before is not wanted.
    public var start: Int64?
    /// Milliseconds since 1970: what begins then or later is not wanted.
    public var end: Int64?
    /// Everything that is still there is wanted.
    public var wantsHistory = false

    public init(segment: UInt64? = nil, part: UInt64? = nil, skips: Bool = false) {
        self.segment = segment
        self.part = part
        self.skips = skips
    }

    /// `query` is without question mark, percent-encoded as sent; these values need no encoding.
    public init(query: String?) throws(Malformed) {
        for pair in (query ?? "").split(separator: "&") {
            let equals = pair.firstIndex(of: "=") ?? pair.endIndex
            let value = pair[equals...].dropFirst()
            switch pair[..<equals] {
            case "_HLS_msn": try Self.set(&self.segment, Self.number(value))
            case "_HLS_part": try Self.set(&self.part, Self.number(value))
            case "_HLS_skip": self.skips = value == "YES" || value == "v2"
            case "start": try Self.set(&self.start, Self.milliseconds(value))
            case "end": try Self.set(&self.end, Self.milliseconds(value))
            case "dvr": self.wantsHistory = value != "0"
            default: break
            }
        }
        guard self.part == nil || self.segment != nil else { throw .query }
        if let start = self.start, let end = self.end, end <= start { throw .query }
    }

    /// Some of it is a low-latency client's.
    public var isLowLatency: Bool { self.segment != nil || self.part != nil || self.skips }
    /// Some of it makes another playlist than the one of the moment.
    public var isCut: Bool { self.start != nil || self.end != nil || self.wantsHistory }

    private static func set<Value: Equatable>(_ target: inout Value?, _ value: Value?) throws(Malformed) {
        guard let value, target == nil || target == value else { throw .query }
        target = value
    }

    private static func number(_ text: Substring) -> UInt64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        return UInt64(text)
    }

    /// Seconds since 1970, with a fraction or without.
    private static func milliseconds(_ text: Substring) -> Int64? {
        let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let seconds = self.number(parts[0]), seconds <= 100_000_000_000 else { return nil }
        guard parts.count == 2 else { return Int64(seconds) * 1000 }
        guard !parts[1].isEmpty, parts[1].utf8.count <= 9, self.number(parts[1]) != nil else { return nil }
        let thousandths = (String(parts[1].prefix(3)) + "00").prefix(3)
        return Int64(seconds) * 1000 + (Int64(thousandths) ?? 0)
    }
}
