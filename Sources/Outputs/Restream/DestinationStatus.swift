/// How far a destination has got. What is wanted of it is not here: who wants none has none running.
public enum DestinationState: String, Sendable, CaseIterable {
    /// Nothing to push: not started, or the stream is not live.
    case idle
    /// On the way to a publish that the peer accepts, or waiting for another session to the same URL to end.
    case connecting
    case live
    /// Connected as when live, but nothing that is sent is acknowledged. It recovers, or is connected anew.
    case stalled
    /// An attempt failed; the next one comes by itself.
    case retrying
    /// Given up after more failures in a row than `republishLimit` allows.
    case failed
    /// Stopped for good by `Destination.stop()`.
    case stopped
}

/// What a destination does at one moment.
public struct DestinationStatus: Sendable, Equatable {
    /// The endpoint's `endpointServiceId`.
    public var id: String
    public var state: DestinationState
    /// The Endpoint object's `status`: created, preparing, broadcasting, finished, error (broke or stalled while live) or failed (could not be opened).
    public var contractStatus: String
    /// Wall clock, milliseconds since 1970, at which `state` began; nil while it has always been so.
    public var sinceMilliseconds: Int64?
    /// Failed attempts in a row since the last push that stayed up.
    public var attempts: Int
    /// Why the last attempt failed, or what is wrong with the running one or holds it up, in words that hold no secret; nil once a push has stayed up.
    public var lastError: String?
    /// What kind of failure that is; nil exactly when `lastError` is.
    public var errorClass: DestinationErrorClass?
    /// Wall clock, milliseconds since 1970; only while retrying.
    public var nextTryAtMilliseconds: Int64?
    /// The stream has ended; until then (wall clock, milliseconds since 1970) the session is kept open for its return. Nil otherwise.
    public var heldUntilMilliseconds: Int64?
    /// What is sent; nil while nothing is connected.
    public var feeding: DestinationFeeding?
    /// Why there is no slate for this stream, though one is set, in words for people.
    public var slateProblem: String?
    /// Bytes that the kernel took for sending, over all connections of this destination.
    public var bytesSent: UInt64
    /// Bits per second sent over the last ten seconds.
    public var bitrate: Int
    /// Frames this destination did not get because it fell behind, over all connections.
    public var droppedFrames: UInt64
    /// Wall clock, milliseconds since 1970, of the accepted publish; only while live or stalled.
    public var connectedAtMilliseconds: Int64?

    public init(id: String) {
        self.id = id
        self.state = .idle
        self.contractStatus = "created"
        self.attempts = 0
        self.bytesSent = 0
        self.bitrate = 0
        self.droppedFrames = 0
    }
}
