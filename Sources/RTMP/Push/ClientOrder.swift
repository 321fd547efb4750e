public import NIOCore

/// What a `ClientSession` wants its shell to do.
public enum ClientOrder: Sendable, Equatable {
    case send(ByteBuffer)
    /// The server takes our stream: metadata, sequence headers and frames may follow.
    case publishing
    /// Close the connection. Nothing follows.
    case failed(PushFailure)
}
