/// How a publisher's frames arrive; the texts are those of the Broadcast object's `publishType`.
public enum PublishType: String, Sendable {
    case rtmp = "RTMP"
    case webRTC = "WebRTC"
    case srt = "SRT"
    case pull = "Pull"
}

/// What somebody who wants to publish has said, whatever the protocol.
public struct PublishRequest: Sendable {
    /// The application part of the URL, e.g. `live`; empty when there was none.
    public var app: String
    /// The broadcast id asked for, unchecked.
    public var id: String
    public var type: PublishType
    /// `name=value` pairs of the URL, in order; a bare flag has an empty value.
    public var parameters: [(name: String, value: String)]
    /// The publisher's address without port.
    public var remoteAddress: String
    public var userAgent: String?

    public init(
        app: String, id: String, type: PublishType, parameters: [(name: String, value: String)] = [], remoteAddress: String, userAgent: String? = nil
    ) {
        self.app = app
        self.id = id
        self.type = type
        self.parameters = parameters
        self.remoteAddress = remoteAddress
        self.userAgent = userAgent
    }

    /// The first value of a parameter.
    public subscript(parameter name: String) -> String? { self.parameters.first { $0.name == name }?.value }
}

/// Why a publisher is turned away.
public enum PublishRefusal: String, Error, Sendable {
    case unknownApp
    case invalidID
    case notRegistered
    case expired
    case outsidePlannedWindow
    case alreadyPublishing
    case notAuthorised
    case notALiveStream
    case tooManyStreams
    case shuttingDown
}

/// Why a publisher is asked to leave.
public enum PublishStop: String, Sendable {
    case replaced
    case stoppedByUser
    case deleted
    case tooHigh
    case tooFast
    case shuttingDown
}

/// Decides who may publish. Called once per publish, never per frame. Implemented by Broadcasts.
public protocol PublishGate: Sendable {
    /// `stop` is called at most once, from any thread, when the publisher must leave; it must not block.
    func admit(_ request: PublishRequest, stop: @escaping @Sendable (PublishStop) -> Void) async -> Result<Publisher, PublishRefusal>
}

/// What somebody who wants to watch has said.
public struct PlayRequest: Sendable {
    public var app: String
    public var id: String
    public var parameters: [(name: String, value: String)]
    public var remoteAddress: String

    public init(app: String, id: String, parameters: [(name: String, value: String)] = [], remoteAddress: String) {
        self.app = app
        self.id = id
        self.parameters = parameters
        self.remoteAddress = remoteAddress
    }
}

public enum PlayRefusal: String, Error, Sendable {
    case unknownApp
    case invalidID
    case notAuthorised
    case playDisabled
    case tooManyViewers
}

/// Decides who may watch, and which stream that is. The stream may be idle: then the viewer waits.
public protocol PlayGate: Sendable {
    func admit(_ request: PlayRequest) async -> Result<StreamKey, PlayRefusal>
}
