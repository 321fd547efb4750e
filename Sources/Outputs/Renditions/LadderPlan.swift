import AV
import Media

/// Which renditions are made of a source, from what is wished for: never larger than the source, its shape kept, in square pixels and even numbers.
struct LadderPlan: Equatable {
    /// A picture as it is shown, upright.
    struct Source: Equatable, Sendable {
        /// Pixels.
        var width: Int
        var height: Int
        /// Width to height of one of them.
        var pixelAspect: Double
    }

    /// Of one broadcast.
    static let mostRenditions = 16
    private static let smallest = 16
    private static let widest = 8_192
    /// Bits per second; encoders refuse what is much less.
    private static let leastVideo = 10_000
    private static let leastSound = 8_000
    /// Bits for a pixel, where nothing is asked for: 480p of 30 frames a second gets 1 Mbit/s.
    private static let bitsPerPixel = 0.08
    private static let usualRate = 30.0

    /// Tallest first, one for each height; the first that is listed counts.
    let renditions: [Rendition]

    init(_ settings: [RenditionSetting], of source: Source) {
        var renditions: [Rendition] = []
        for setting in settings where renditions.count < Self.mostRenditions {
            guard let rendition = Self.rendition(setting, of: source) else { continue }
            guard !renditions.contains(where: { $0.height == rendition.height }) else { continue }
            renditions.append(rendition)
        }
        self.renditions = renditions.sorted { $0.height > $1.height }
    }

    private static func rendition(_ setting: RenditionSetting, of source: Source) -> Rendition? {
        let height = RenditionSetting.evenHeight(setting.height)
        guard height >= Self.smallest, source.width > 0, source.height > 0 else { return nil }
        // A source of 721 lines has the height of 720, for all that it matters.
        let own = RenditionSetting.evenHeight(source.height)
        guard height < own || (height == own && setting.encodesSameHeight) else { return nil }
        let width = self.width(for: height, of: source)
        let wanted = setting.videoBitrate > 0 ? setting.videoBitrate : self.bitrate(width: width, height: height)
        let sound = setting.audioBitrate > 0 ? max(setting.audioBitrate, self.leastSound) : 0
        return Rendition(height: height, width: width, videoBitrate: max(wanted, self.leastVideo), audioBitrate: sound)
    }

    /// Even; the nearest to the source's shape.
    private static func width(for height: Int, of source: Source) -> Int {
        let aspect = source.pixelAspect.isFinite && source.pixelAspect > 0.01 && source.pixelAspect < 100 ? source.pixelAspect : 1
        if height == source.height, aspect == 1, source.width.isMultiple(of: 2) { return source.width }
        let exact = Double(height) * Double(source.width) * aspect / Double(source.height)
        return Int(min(max(exact / 2, Double(self.smallest) / 2), Double(self.widest) / 2).rounded()) * 2
    }

    /// Whole tens of kbit/s.
    private static func bitrate(width: Int, height: Int) -> Int {
        let exact = Double(width * height) * self.usualRate * self.bitsPerPixel
        return max(Int(exact / 10_000), 5) * 10_000
    }
}

extension LadderPlan.Source {
    /// A picture as it comes out of the decoder, which is turned to be shown.
    init(_ picture: borrowing DecodedFrame, turn: PictureTurn) {
        let (width, height, aspect) = (picture.width, picture.height, picture.pixelAspect)
        if turn.isSideways {
            self.init(width: height, height: width, pixelAspect: 1 / aspect)
        } else {
            self.init(width: width, height: height, pixelAspect: aspect)
        }
    }
}
