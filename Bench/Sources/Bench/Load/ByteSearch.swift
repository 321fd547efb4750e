extension Sequence<UInt8> {
    /// Where a short text begins in these bytes; nil when it is not there. For control messages, which are short too.
    func firstOffset(of text: String) -> Int? {
        let bytes = Array(self)
        let wanted = Array(text.utf8)
        guard bytes.count >= wanted.count else { return nil }
        return (0...(bytes.count - wanted.count)).first { start in bytes[start...].starts(with: wanted) }
    }
}
