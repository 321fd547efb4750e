public import Media

/// How one pull stands, asked of the running machine.
public struct PullStatus: Sendable, Equatable {
    public enum State: String, Sendable {
        case idle
        /// Opening its input.
        case preparing
        case broadcasting
        /// Waiting for the next try.
        case retrying
        /// Stopped, or at the end of a list that does not loop.
        case finished
    }

    public var state: State
    /// Counts the openings of this pull; late news of an older one is ignored.
    public var generation: UInt64
    /// Failed tries since the last frame.
    public var attempts: Int
    /// Why the newest try failed; nil when it succeeded or none has ended yet.
    public var lastFailure: PullFailure?
    /// Wall clock, milliseconds since 1970; nil unless retrying.
    public var nextTryAtMilliseconds: Int64?
    /// The item being played.
    public var itemIndex: Int
    /// Within the item; nil for live sources and before the first frame.
    public var position: MediaTime?
    /// Of the item; nil when it does not say.
    public var duration: MediaTime?
    public var isSeekable: Bool

    public init(
        state: State, generation: UInt64 = 0, attempts: Int = 0, lastFailure: PullFailure? = nil, nextTryAtMilliseconds: Int64? = nil,
        itemIndex: Int = 0, position: MediaTime? = nil, duration: MediaTime? = nil, isSeekable: Bool = false
    ) {
        self.state = state
        self.generation = generation
        self.attempts = attempts
        self.lastFailure = lastFailure
        self.nextTryAtMilliseconds = nextTryAtMilliseconds
        self.itemIndex = itemIndex
        self.position = position
        self.duration = duration
        self.isSeekable = isSeekable
    }
}

/// Why an input could not be opened, or ended.
public struct PullFailure: Error, Sendable, Equatable {
    public enum Cause: String, Sendable {
        /// The scheme, or an address on the way, may not be fetched from.
        case addressNotAllowed
        case nameNotFound
        case timedOut
        case refused
        case unauthorized
        case notFound
        /// Neither H.264, HEVC, AV1, VP8, VP9 nor any audio in it.
        case nothingToPlay
        case invalidData
        case ended
        case other
    }

    public var cause: Cause
    /// For people and for `ip-camera-error`; holds no credentials.
    public var text: String

    public init(cause: Cause, text: String) {
        self.cause = cause
        self.text = text
    }
}
