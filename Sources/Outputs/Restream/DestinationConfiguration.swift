public import Media
public import NIOCore
public import Streams

/// What one restream destination is to do; fixed for the life of its `Destination`.
public struct DestinationConfiguration: Sendable {
    /// The limits in time of a push. The defaults suit platforms on the internet; tests set shorter ones.
    public struct Timing: Sendable {
        /// For the name lookup and TCP, or SRT's handshake, together.
        public var connect: TimeAmount = .seconds(8)
        /// From there until the peer has accepted the publish, TLS included.
        public var publish: TimeAmount = .seconds(8)
        /// A live push whose peer acknowledges nothing for so long, while something is on its way to it, is given up; after half of it it is shown as
        /// stalled.
        public var stall: TimeAmount = .seconds(10)
        /// For saying goodbye and closing; afterwards the socket is closed hard.
        public var close: TimeAmount = .milliseconds(1_500)
        /// The first wait before a new attempt. It doubles with every failure in a row.
        public var firstRetry: TimeAmount = .seconds(1)
        /// The first wait after the peer refused the key: it is unlikely to change its mind at once, and some platforms lock out who hammers.
        public var firstRetryAfterRefusal: TimeAmount = .seconds(10)
        public var longestRetry: TimeAmount = .seconds(60)
        /// Only a push that has been live for so long counts as a success, so a peer that accepts and hangs up is not hammered.
        public var proven: TimeAmount = .seconds(10)
        /// After the stream's end the session is kept open for so long, in case it comes back; zero: not at all.
        public var grace: TimeAmount = .zero
        /// The same while something stands in for it, if that is longer.
        var fill: TimeAmount = .zero
        /// What comes within so long leaves together: fewer and larger writes cost less, and no platform shows anything this soon.
        public var merge: TimeAmount = .milliseconds(200)

        public init() {}
    }

    /// The endpoint's `endpointServiceId`.
    public var id: String
    /// `rtmp://`, `rtmps://` or `srt://`; see `Destination.validate(url:)`.
    public var url: String
    /// How many attempts may follow a failed one before the destination is given up; negative: forever.
    public var republishLimit: Int
    /// How often the progress of a live push is judged; taken as 100 ms at least and as a quarter of `timing.stall` at most.
    public var healthCheckPeriod: TimeAmount
    public var timing: Timing
    /// Silent AAC goes with pictures that have no sound.
    public var addsSilence: Bool
    /// What stands in for the stream while it is away.
    public var fill = DestinationFill()
    /// What may wait in the hub for this destination; whole groups of pictures are lost beyond it.
    public var queue: StreamReader.Limits

    public init(
        id: String, url: String, republishLimit: Int = -1, healthCheckPeriod: TimeAmount = .seconds(2), timing: Timing = Timing(),
        addsSilence: Bool = false,
        queue: StreamReader.Limits = .init(bytes: 8 << 20, duration: MediaTime(milliseconds: 5_000))
    ) {
        self.id = id
        self.url = url
        self.republishLimit = republishLimit
        self.healthCheckPeriod = healthCheckPeriod
        self.timing = timing
        self.addsSilence = addsSilence
        self.queue = queue
    }
}
