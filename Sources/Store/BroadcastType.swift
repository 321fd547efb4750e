/// What kind of broadcast it is. Clients may store kinds that the server does not know.
public struct BroadcastType: RawRepresentable, Sendable, Hashable {
    public var rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }

    /// Published to us.
    public static let liveStream = BroadcastType(rawValue: "liveStream")
    /// Pulled from a camera that speaks ONVIF.
    public static let ipCamera = BroadcastType(rawValue: "ipCamera")
    /// Pulled from a URL.
    public static let streamSource = BroadcastType(rawValue: "streamSource")
    /// Pulled from a file or URL that ends.
    public static let vod = BroadcastType(rawValue: "VoD")
    /// Pulled item by item.
    public static let playlist = BroadcastType(rawValue: "playlist")
}

/// The state of a broadcast; the texts are those of the API.
public enum BroadcastStatus: String, Sendable, CaseIterable {
    case created
    case preparing
    case broadcasting
    case finished
    case error
    case failed
    case terminatedUnexpectedly = "terminated_unexpectedly"
}
