/// What happens to broadcasts that somebody outside may want to hear of.
public enum BroadcastEvent: Sendable, Equatable {
    case liveStreamStarted(id: String)
    case liveStreamEnded(id: String)
    case vodReady(streamID: String, vodID: String, fileName: String, durationMilliseconds: Int64)
    case endpointFailed(streamID: String, serviceID: String, url: String)
    case recordingFailed(streamID: String, vodID: String, reason: String)

    /// The name that webhooks use.
    public var action: String {
        switch self {
        case .liveStreamStarted: "liveStreamStarted"
        case .liveStreamEnded: "liveStreamEnded"
        case .vodReady: "vodReady"
        case .endpointFailed: "endpointFailed"
        case .recordingFailed: "recordingFailed"
        }
    }

    public var streamID: String {
        switch self {
        case .liveStreamStarted(let id), .liveStreamEnded(let id): id
        case .vodReady(let id, _, _, _), .endpointFailed(let id, _, _), .recordingFailed(let id, _, _): id
        }
    }
}
