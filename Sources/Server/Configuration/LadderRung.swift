/// A rendition of the settings: `480p900kbps`, or `480p900kbps+64kbps` where its sound is encoded anew.
struct LadderRung: Sendable, Equatable, CustomStringConvertible {
    /// Pixels, even.
    let height: Int
    /// kbit/s.
    let video: Int
    /// kbit/s; 0: the source's sound as it is.
    let audio: Int

    static let heights = 16...4_320
    static let videoRates = 10...200_000
    static let audioRates = 8...512

    init?(_ text: String) {
        let parts = text.split(separator: "+", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let end = parts[0].firstIndex(of: "p") else { return nil }
        guard let height = Self.number(parts[0][..<end]), Self.heights.contains(height), height.isMultiple(of: 2) else { return nil }
        guard let video = Self.rate(parts[0][parts[0].index(after: end)...]), Self.videoRates.contains(video) else { return nil }
        self.height = height
        self.video = video
        guard parts.count == 2 else {
            self.audio = 0
            return
        }
        guard let audio = Self.rate(parts[1]), Self.audioRates.contains(audio) else { return nil }
        self.audio = audio
    }

    var description: String { "\(self.height)p\(self.video)kbps" + (self.audio > 0 ? "+\(self.audio)kbps" : "") }

    private static func rate(_ text: Substring) -> Int? { text.hasSuffix("kbps") ? self.number(text.dropLast(4)) : nil }

    private static func number(_ text: Substring) -> Int? {
        guard (1...6).contains(text.count), text.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
        return Int(text)
    }
}

extension SettingType<LadderRung> {
    static var ladderRung: Self {
        Self(
            allowed: "height and kbit/s such as 480p900kbps (even pixels up to 4320), with +64kbps for sound of that rate",
            read: { raw in raw.anyText.flatMap(LadderRung.init) }, write: { $0.description })
    }
}
