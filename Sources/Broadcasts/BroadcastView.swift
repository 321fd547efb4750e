public import Gateways
public import Outputs
public import Store
public import Streams

/// A broadcast as it is shown: what is stored, and what runs.
public struct BroadcastView: Sendable {
    public var record: BroadcastRecord
    /// The current publisher's numbers; nil while nobody publishes.
    public var live: StreamSnapshot?
    /// How the pull of its source stands; nil while nothing is pulled for it.
    public var pull: PullStatus?
    /// Of running endpoints, by service id.
    public var endpointStatuses: [String: EndpointView]
    public var hlsViewers: Int
    public var dashViewers: Int
    /// Pictures of this run that were not encoded for its renditions and recordings, because the machine could not keep up.
    public var droppedInEncoding: Int
    /// Wall clock at which this was true, milliseconds since 1970.
    public var now: Int64

    /// What runs decides; the row only while nothing does. A row that still says live then has not been told of the end yet.
    public var status: BroadcastStatus {
        if let live { return live.isLive ? .broadcasting : .preparing }
        if let pull {
            switch pull.state {
            case .idle, .preparing, .broadcasting: return .preparing
            // Contract 3.7: between two tries it is shown as over.
            case .retrying, .finished: return .finished
            }
        }
        switch self.record.status {
        case .broadcasting, .preparing, .terminatedUnexpectedly: return .finished
        default: return self.record.status
        }
    }
}

/// What is shown of a running endpoint beside what is stored.
public struct EndpointView: Sendable, Equatable {
    /// The destination's own words.
    public var destination: DestinationStatus
    /// What of the stream is beyond what its platform takes.
    public var warnings: [DestinationWarning] = []

    public var status: String { self.destination.contractStatus }
}

/// How many watch. -1 stands for "cannot be said".
public struct ViewerStatistics: Sendable, Equatable {
    public var rtmp: Int
    public var hls: Int
    public var webRTC: Int
    public var dash: Int
    public var activeLiveStreams: Int

    public init(rtmp: Int = -1, hls: Int = -1, webRTC: Int = -1, dash: Int = -1, activeLiveStreams: Int = 0) {
        self.rtmp = rtmp
        self.hls = hls
        self.webRTC = webRTC
        self.dash = dash
        self.activeLiveStreams = activeLiveStreams
    }
}
