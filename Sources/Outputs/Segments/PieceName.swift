/// The name of a piece of a run: `{prefix}-{number}.m4s`, `{prefix}-{number}.{part}.m4s`, `{prefix}-init-{version}.mp4`, and for DASH, with one
/// track in it, `{prefix}-{number}-t{track}.m4s` and `{prefix}-init-{version}-t{track}.mp4`.
struct PieceName: Equatable {
    enum Piece: Equatable {
        case segment(UInt64)
        case part(UInt64, index: Int)
        case initSegment(Int)
    }

    var prefix: String
    var piece: Piece
    /// From 0; nil: with all tracks.
    var track: Int?

    /// nil: this is no such name. Every piece has one spelling only: two names for one would be two entries in every cache.
    init?(_ name: String) {
        let isInit = name.hasSuffix(".mp4")
        guard isInit || name.hasSuffix(".m4s") else { return nil }
        var parts = name.dropLast(4).split(separator: "-", omittingEmptySubsequences: false)
        if let last = parts.last, last.hasPrefix("t") {
            guard let number = Self.number(last.dropFirst()), number >= 1, number <= 1_000 else { return nil }
            self.track = Int(number) - 1
            parts.removeLast()
        }
        guard let last = parts.popLast() else { return nil }
        let numbers = last.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let number = numbers.first.flatMap({ Self.number($0) }) else { return nil }
        if isInit {
            guard numbers.count == 1, parts.popLast() == "init" else { return nil }
            self.piece = .initSegment(Int(clamping: number))
        } else if numbers.count == 2 {
            guard self.track == nil, let index = Self.number(numbers[1]) else { return nil }
            self.piece = .part(number, index: Int(clamping: index))
        } else {
            self.piece = .segment(number)
        }
        guard !parts.isEmpty else { return nil }
        self.prefix = parts.joined(separator: "-")
    }

    /// No sign, no leading zero.
    private static func number(_ text: Substring) -> UInt64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
        guard text.utf8.count == 1 || text.utf8.first != UInt8(ascii: "0") else { return nil }
        return UInt64(text)
    }
}
