/// One rendition that is wished for of a broadcast, before its source is known.
public struct RenditionSetting: Sendable, Hashable {
    /// Pixels. Odd ones lose a line.
    public var height: Int
    /// Bits per second; 0: what suits its size.
    public var videoBitrate: Int
    /// Bits per second; 0: the source's sound as it is.
    public var audioBitrate: Int
    /// Whether it is made of a source that has this height already.
    public var encodesSameHeight: Bool

    public init(height: Int, videoBitrate: Int = 0, audioBitrate: Int = 0, encodesSameHeight: Bool = false) {
        self.height = height
        self.videoBitrate = videoBitrate
        self.audioBitrate = audioBitrate
        self.encodesSameHeight = encodesSameHeight
    }

    /// The height that it gets.
    public static func evenHeight(_ height: Int) -> Int { height & ~1 }
}
