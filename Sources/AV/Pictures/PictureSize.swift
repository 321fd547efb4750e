import CFFmpeg
public import Media

/// Pixels of a still picture: even numbers, square pixels.
public struct PictureSize: Sendable, Equatable {
    public var width: Int
    public var height: Int

    public init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    /// What is wider is shown less high instead.
    static let widest = 4096

    /// The size at which a decoded picture of `width`×`height` pixels, each `pixelAspect` times as wide as it is high, keeps its shape at the given
    /// height, or at its own where that is less. Turned sideways it is as wide as it was high.
    public static func fitting(
        width: Int, height: Int, pixelAspect: Double = 1, turn: PictureTurn = .none, heightLimit: Int
    ) -> PictureSize {
        let aspect = pixelAspect.isFinite && pixelAspect > 0 ? min(max(pixelAspect, 0.01), 100) : 1
        var shown = (width: Double(max(width, 1)) * aspect, height: Double(max(height, 1)))
        if turn.isSideways { shown = (shown.height, shown.width) }
        var scale = min(1, Double(max(heightLimit, 2)) / shown.height)
        scale = min(scale, Double(Self.widest) / shown.width)
        return PictureSize(width: Self.even(shown.width * scale), height: Self.even(shown.height * scale))
    }

    private static func even(_ value: Double) -> Int { min(max(Int((value / 2).rounded()) * 2, 2), Self.widest) }
}

extension DecodedFrame {
    /// As `PictureSize.fitting`.
    public func pictureSize(turn: PictureTurn, heightLimit: Int) -> PictureSize {
        PictureSize.fitting(width: self.width, height: self.height, pixelAspect: self.pixelAspect, turn: turn, heightLimit: heightLimit)
    }
}
