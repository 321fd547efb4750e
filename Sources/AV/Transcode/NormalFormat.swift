/// The one format that items of a playlist are brought to when they are re-encoded: H.264 without B-frames, and AAC-LC.
public struct NormalFormat: Sendable, Hashable {
    /// Pixels; even, 16 to 7,680.
    public var width: Int
    /// Pixels; even, 16 to 4,320.
    public var height: Int
    /// Frames a second, constant; 1 to 120.
    public var frameRate: Int
    /// Bits per second.
    public var videoBitrate: Int
    /// Seconds between keyframes; 1 to 60.
    public var keyframeInterval: Int
    /// Samples per second: one that AAC has.
    public var audioSampleRate: Int
    /// 1 or 2.
    public var channels: Int
    /// Bits per second.
    public var audioBitrate: Int

    public init(
        width: Int = 1280, height: Int = 720, frameRate: Int = 30, videoBitrate: Int = 2_500_000, keyframeInterval: Int = 2,
        audioSampleRate: Int = 48_000, channels: Int = 2, audioBitrate: Int = 128_000
    ) {
        self.width = width
        self.height = height
        self.frameRate = frameRate
        self.videoBitrate = videoBitrate
        self.keyframeInterval = keyframeInterval
        self.audioSampleRate = audioSampleRate
        self.channels = channels
        self.audioBitrate = audioBitrate
    }
}
