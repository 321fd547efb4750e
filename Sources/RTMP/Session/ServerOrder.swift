public import NIOCore

/// What a `ServerSession` wants its shell to do.
public enum ServerOrder: Sendable, Equatable {
    /// Write these bytes, in order, before anything that follows.
    case send(ByteBuffer)
    /// Find out whether this may be published, then call `publishAccepted` or `publishRefused`. Stop reading meanwhile.
    case authorizePublish(PublishCommand)
    /// The same with `playAccepted` or `playRefused`.
    case authorizePlay(PlayCommand)
    /// Audio or video out of an aggregate message, or that came before `publishAccepted`.
    case media(RTMPMessage)
    case metadata(StreamMetadata)
    /// The publisher has finished; also ends a request that waits for its answer.
    case endPublish
    case endPlay
    case pause(Bool)
    case receiveAudio(Bool)
    case receiveVideo(Bool)
    /// Close the connection once everything before has been sent. Nothing follows.
    case close(CloseReason)

    public enum CloseReason: Sendable, Equatable {
        case connectRejected
        case publishRefused(code: String)
        case playRefused(code: String)
        /// `stop` was called.
        case stopped(code: String)
    }
}
