public import Streams

/// One rendition that is being made: what its stream, its playlist and its recordings are called by.
public struct Rendition: Sendable, Hashable {
    /// Pixels, even.
    public var height: Int
    public var width: Int
    /// Bits per second, as they are aimed at.
    public var videoBitrate: Int
    /// Bits per second; 0: the source's sound as it is.
    public var audioBitrate: Int

    public init(height: Int, width: Int, videoBitrate: Int, audioBitrate: Int) {
        self.height = height
        self.width = width
        self.videoBitrate = videoBitrate
        self.audioBitrate = audioBitrate
    }

    /// `480p500kbps` (contract 4.2, 4.4).
    public var suffix: String { "\(self.height)p\(self.videoBitrate / 1_000)kbps" }

    public func key(of id: String) -> StreamKey { StreamKey(id, renditionHeight: self.height) }
}
