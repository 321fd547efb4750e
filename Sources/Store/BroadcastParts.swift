/// A target that a broadcast is pushed to.
public struct EndpointRecord: Sendable, Equatable {
    public var serviceID: String
    public var url: String
    public var type: String
    /// As last written; while it runs the destination itself is asked.
    public var status: String
    /// Pixels; 0 is the stream as published.
    public var resolutionHeight: Int
    /// It is wanted that the broadcast is pushed there.
    public var isEnabled: Bool
    /// Silent sound goes with pictures that have none; nil: where its platform is known to need sound.
    public var addsSilence: Bool?

    public init(
        serviceID: String, url: String, type: String = "generic", status: String = "created", resolutionHeight: Int = 0, isEnabled: Bool = true,
        addsSilence: Bool? = nil
    ) {
        self.serviceID = serviceID
        self.url = url
        self.type = type
        self.status = status
        self.resolutionHeight = resolutionHeight
        self.isEnabled = isEnabled
        self.addsSilence = addsSilence
    }
}

/// One entry of a playlist; its identity is its place. Members are as in the API.
public struct PlayListItem: Sendable, Equatable, Codable {
    public var streamUrl: String?
    public var type: String?
    public var name: String?
    /// Milliseconds.
    public var durationInMs: Int64
    /// Milliseconds.
    public var seekTimeInMs: Int64

    public init(streamUrl: String?, type: String? = nil, name: String? = nil, durationInMs: Int64 = 0, seekTimeInMs: Int64 = 0) {
        self.streamUrl = streamUrl
        self.type = type
        self.name = name
        self.durationInMs = durationInMs
        self.seekTimeInMs = seekTimeInMs
    }
}

/// One rung of a broadcast's own ladder. Members are as in the API; bit rates in bits per second.
public struct EncoderSettings: Sendable, Equatable, Codable {
    public var height: Int
    public var videoBitrate: Int
    public var audioBitrate: Int
    public var forceEncode: Bool
    public var forceSameResolutionEncode: Bool

    public init(height: Int, videoBitrate: Int, audioBitrate: Int, forceEncode: Bool = true, forceSameResolutionEncode: Bool = false) {
        self.height = height
        self.videoBitrate = videoBitrate
        self.audioBitrate = audioBitrate
        self.forceEncode = forceEncode
        self.forceSameResolutionEncode = forceSameResolutionEncode
    }
}

/// A broadcast's own HLS settings. Members are as in the API.
public struct HLSParameters: Sendable, Equatable, Codable {
    public var hlsTime: String?
    public var hlsListSize: String?
    public var hlsPlayListType: String?

    public init(hlsTime: String? = nil, hlsListSize: String? = nil, hlsPlayListType: String? = nil) {
        self.hlsTime = hlsTime
        self.hlsListSize = hlsListSize
        self.hlsPlayListType = hlsPlayListType
    }
}
