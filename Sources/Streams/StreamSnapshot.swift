public import Media
public import NIOCore

/// The numbers of a stream's current publisher at one moment.
public struct StreamSnapshot: Sendable {
    public var key: StreamKey
    public var generation: UInt64
    /// False while the first frames are held back until the tracks are known.
    public var isLive: Bool
    public var type: PublishType
    /// Wall clock, milliseconds since 1970.
    public var startedAtMilliseconds: Int64
    public var receivedBytes: UInt64
    public var receivedFrames: UInt64
    /// Bits per second over the last ten seconds.
    public var bitrate: Int
    public var videoBitrate: Int
    public var audioBitrate: Int
    /// Video frames per second over the last ten seconds.
    public var frameRate: Double
    /// Media time received per wall time; 1.0 is real time.
    public var speed: Double
    public var keyframeInterval: MediaTime?
    public var health: StreamHealth
    /// Since the last frame.
    public var silence: TimeAmount
    public var tracks: [Track]
    /// Frames that had no believable time.
    public var droppedFrames: Int
    public var timestampRepairs: Int
    /// Newest time given to readers.
    public var mediaTime: MediaTime
    /// Bytes of memory in which frames are kept for late joiners, unused ends included.
    public var cachedBytes: Int
    public var remoteAddress: String
    public var userAgent: String?
    public var parameters: [(name: String, value: String)]
    public var rtmpViewerCount: Int
    public var srtViewerCount: Int
    /// Of the way from the publisher; nil where nobody knows them.
    public var transport: TransportFigures?
}
