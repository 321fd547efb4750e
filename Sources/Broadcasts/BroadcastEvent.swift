/// What happens to broadcasts that somebody outside may want to hear of.
public enum BroadcastEvent: Sendable, Equatable {
    case liveStreamStarted(id: String)
    case liveStreamEnded(id: String)
    case vodReady(streamID: String, vodID: String, fileName: String, durationMilliseconds: Int64)
    /// A destination takes the stream, for the first time or again.
    case endpointConnected(streamID: String, serviceID: String)
    /// A destination could not be reached or was lost; it is tried again by itself. Once, until it is connected.
    case endpointInterrupted(streamID: String, serviceID: String, errorClass: String, reason: String)
    /// A destination was given up.
    case endpointFailed(streamID: String, serviceID: String, url: String)
    /// A destination is sent something else than before: its stream again, or what stands in for it (`DestinationFeeding`).
    case endpointFeedChanged(streamID: String, serviceID: String, feeding: String)
    /// A slate is set, but none can be made for a destination's stream.
    case slateUnavailable(streamID: String, serviceID: String, reason: String)
    /// How well a publisher sends: what is wrong now (`StreamProblem`), nothing when it is well again.
    case streamHealthChanged(id: String, problems: [String])
    case recordingFailed(streamID: String, vodID: String, reason: String)
    /// A rendition could not be begun.
    case encoderNotOpened(streamID: String, height: Int, reason: String)
    /// A rendition broke off while its source goes on.
    case renditionFailed(streamID: String, height: Int, reason: String)
    /// A rendition was given up, because the machine cannot encode as fast as pictures come.
    case renditionShed(streamID: String, height: Int)
    /// A recording was removed because the rules say so.
    case recordingExpired(streamID: String, vodID: String, fileName: String)
    /// Recordings have ended for want of disk space and none can start.
    case diskSpaceLow(freeBytes: Int64)
    /// They can again.
    case diskSpaceRecovered(freeBytes: Int64)
    /// A playlist has come to an item. Its start and end as a whole are `liveStreamStarted` and `liveStreamEnded`.
    case playlistItemStarted(id: String, index: Int, name: String?)
    /// An item could not be played, or broke off; the list goes on with the next.
    case playlistItemFailed(id: String, index: Int, name: String?, reason: String)

    /// The name that webhooks use.
    public var action: String {
        switch self {
        case .liveStreamStarted: "liveStreamStarted"
        case .liveStreamEnded: "liveStreamEnded"
        case .vodReady: "vodReady"
        case .endpointConnected: "endpointConnected"
        case .endpointInterrupted: "endpointInterrupted"
        case .endpointFailed: "endpointFailed"
        case .endpointFeedChanged: "endpointFeedChanged"
        case .slateUnavailable: "slateUnavailable"
        case .streamHealthChanged: "streamHealthChanged"
        case .recordingFailed: "recordingFailed"
        case .encoderNotOpened: "encoderNotOpenedError"
        case .renditionFailed: "renditionFailed"
        case .renditionShed: "renditionShed"
        case .recordingExpired: "recordingExpired"
        case .diskSpaceLow: "diskSpaceLow"
        case .diskSpaceRecovered: "diskSpaceRecovered"
        case .playlistItemStarted: "playlistItemStarted"
        case .playlistItemFailed: "playlistItemFailed"
        }
    }

    /// Empty for what is of no broadcast.
    public var streamID: String {
        switch self {
        case .liveStreamStarted(let id), .liveStreamEnded(let id): id
        case .vodReady(let id, _, _, _), .endpointFailed(let id, _, _), .recordingFailed(let id, _, _), .recordingExpired(let id, _, _): id
        case .endpointConnected(let id, _), .endpointInterrupted(let id, _, _, _), .streamHealthChanged(let id, _): id
        case .endpointFeedChanged(let id, _, _), .slateUnavailable(let id, _, _): id
        case .encoderNotOpened(let id, _, _), .renditionFailed(let id, _, _), .renditionShed(let id, _): id
        case .playlistItemStarted(let id, _, _), .playlistItemFailed(let id, _, _, _): id
        case .diskSpaceLow, .diskSpaceRecovered: ""
        }
    }
}
