public import Media

/// How webm recordings encode pictures and sound that WebM cannot hold.
public struct WebMEncoding: Sendable {
    /// `vp8` or `vp9`.
    public var codec: Codec
    /// Bits per second; 0: what suits the picture's size.
    public var bitrate: Int
    /// 0…63, lower is better; then the bit rate is the most there may be. nil: the bit rate is held.
    public var quality: Int?
    /// Bits per second.
    public var audioBitrate: Int
    /// 0…16: the higher, the less CPU time and quality.
    public var speed: Int
    /// Of each encoder, 1…
    public var threads: Int
    /// Recordings whose pictures are encoded, at one time.
    public var slots: EncoderSlots

    public init(
        codec: Codec = .vp8, bitrate: Int = 0, quality: Int? = nil, audioBitrate: Int = 96_000, speed: Int = 8, threads: Int = 1,
        slots: EncoderSlots = EncoderSlots(limit: 4)
    ) {
        self.codec = codec
        self.bitrate = bitrate
        self.quality = quality
        self.audioBitrate = audioBitrate
        self.speed = speed
        self.threads = threads
        self.slots = slots
    }
}
