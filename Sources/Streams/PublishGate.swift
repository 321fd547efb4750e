public import Media

/// How a publisher's frames arrive; the texts are those of the Broadcast object's `publishType`.
public enum PublishType: String, Sendable {
    case rtmp = "RTMP"
    case webRTC = "WebRTC"
    case srt = "SRT"
    case pull = "Pull"

    /// The period of the source's clock; nil where it does not wrap.
    public var wrapPeriod: MediaTime? {
        switch self {
        case .rtmp: PublishSource.rtmpWrapPeriod
        // ISO/IEC 13818-1 §2.4.3.7: 33 bits of 90 kHz.
        case .srt: MediaTime(ticks: 1 << 33, timescale: 90_000)
        case .webRTC, .pull: nil
        }
    }
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
    /// Where the figures of the way will be; nil where nobody knows them.
    public var transport: TransportMeter?

    public init(
        app: String, id: String, type: PublishType, parameters: [(name: String, value: String)] = [], remoteAddress: String,
        userAgent: String? = nil, transport: TransportMeter? = nil
    ) {
        self.app = app
        self.id = id
        self.type = type
        self.parameters = parameters
        self.remoteAddress = remoteAddress
        self.userAgent = userAgent
        self.transport = transport
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

    /// What can be said at once, for doors that must answer while a library waits: nobody is let in by it, and whoever is not refused here may still
    /// be refused by `admit`. Looks into memory and, at worst, reads one row; any thread.
    func preview(_ request: PublishRequest) -> Result<StreamPreview, PublishRefusal>
}

/// What a door must know of a stream before anybody is let in.
public struct StreamPreview: Sendable, Equatable {
    /// What a peer's encryption is derived from, when the broadcast has one of its own.
    public var passphrase: String?

    public init(passphrase: String? = nil) {
        self.passphrase = passphrase
    }
}

extension PublishGate {
    public func preview(_ request: PublishRequest) -> Result<StreamPreview, PublishRefusal> { .success(StreamPreview()) }
}

/// What somebody who wants to watch has said.
public struct PlayRequest: Sendable {
    public var app: String
    public var id: String
    public var parameters: [(name: String, value: String)]
    public var remoteAddress: String
    public var type: PlayType

    public init(
        app: String, id: String, parameters: [(name: String, value: String)] = [], remoteAddress: String, type: PlayType = .rtmp
    ) {
        self.app = app
        self.id = id
        self.parameters = parameters
        self.remoteAddress = remoteAddress
        self.type = type
    }
}

/// How a viewer's frames leave.
public enum PlayType: Sendable {
    case rtmp
    case srt
}

public enum PlayRefusal: String, Error, Sendable {
    case unknownApp
    case invalidID
    case notAuthorised
    case playDisabled
    case tooManyViewers
    /// There is no such stream and no such broadcast.
    case notFound
}

/// Decides who may watch, and which stream that is. The stream may be idle: then the viewer waits.
public protocol PlayGate: Sendable {
    func admit(_ request: PlayRequest) async -> Result<StreamKey, PlayRefusal>

    /// As `PublishGate.preview`.
    func preview(_ request: PlayRequest) -> Result<StreamPreview, PlayRefusal>
}

extension PlayGate {
    public func preview(_ request: PlayRequest) -> Result<StreamPreview, PlayRefusal> { .success(StreamPreview()) }
}
