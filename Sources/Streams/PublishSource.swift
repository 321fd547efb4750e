public import Media

/// Who publishes, as far as the hub needs to know.
public struct PublishSource: Sendable {
    public var type: PublishType
    /// The publisher's address without port.
    public var remoteAddress: String
    public var userAgent: String?
    /// What the publisher proved itself with. Somebody who presents the same, non-empty credential may replace it at once.
    public var credential: String?
    /// `name=value` pairs of the publish URL, in order.
    public var parameters: [(name: String, value: String)]
    /// The period of the source's clock: 2^32 ms for RTMP; nil when it does not wrap.
    public var wrapPeriod: MediaTime?
    /// The frames' times are those of another stream of the hub, which has repaired them: they are passed on as they are.
    public var keepsTimes: Bool
    /// Where the figures of the way from the publisher are.
    public var transport: TransportMeter?
    /// Wall clock, milliseconds since 1970.
    public var startedAtMilliseconds: Int64
    /// Asks the publisher to leave. Called at most a few times, from any thread, outside the hub's locks; must not block.
    public var stop: @Sendable (PublishStop) -> Void

    public init(
        type: PublishType, remoteAddress: String, userAgent: String? = nil, credential: String? = nil,
        parameters: [(name: String, value: String)] = [], wrapPeriod: MediaTime? = nil, keepsTimes: Bool = false,
        transport: TransportMeter? = nil, startedAtMilliseconds: Int64, stop: @escaping @Sendable (PublishStop) -> Void
    ) {
        self.type = type
        self.remoteAddress = remoteAddress
        self.userAgent = userAgent
        self.credential = credential
        self.parameters = parameters
        self.wrapPeriod = wrapPeriod
        self.keepsTimes = keepsTimes
        self.transport = transport
        self.startedAtMilliseconds = startedAtMilliseconds
        self.stop = stop
    }

    /// RTMP's clock: 32 bits of milliseconds (RTMP 1.0 §5.3.1.2).
    public static let rtmpWrapPeriod = MediaTime(milliseconds: 1 << 32)
}

/// How a publish ended.
public enum PublishEnd: Sendable, Equatable {
    /// The publisher said goodbye.
    case finished
    /// The connection broke or went silent.
    case lost
    /// It was asked to leave.
    case stopped(PublishStop)
}

/// What happens to streams, told to observers once per event, outside all locks. Events of different generations may overtake each other:
/// compare `generation`, which only grows.
public enum StreamEvent: Sendable {
    case published(StreamKey, generation: UInt64, PublishSource)
    /// The tracks are complete: the stream is live for readers.
    case tracksKnown(StreamKey, generation: UInt64, [Track])
    /// The set of tracks or a configuration changed while live.
    case tracksChanged(StreamKey, generation: UInt64, [Track])
    /// `last` holds the publisher's final numbers.
    case ended(StreamKey, generation: UInt64, PublishEnd, last: StreamSnapshot? = nil)
}
