public import NIOCore

/// What one WebSocket may take.
public struct WebSocketLimits: Sendable {
    /// Bytes of one message, all its fragments together; more is answered with 1009.
    public var messageBytes = 64 * 1024
    /// Fragments of one message; more is answered with 1008.
    public var fragments = 64
    /// Bytes that may wait for a client which does not read; one more message closes with 1013.
    public var queuedBytes = 256 * 1024
    /// From one ping to the next.
    public var pingInterval = TimeAmount.seconds(20)
    /// Without a single frame from the client, pongs included; then it is closed with 1001.
    public var idleTimeout = TimeAmount.seconds(60)
    /// From the close frame until the client has answered it; then the connection is cut.
    public var closeTimeout = TimeAmount.seconds(5)

    public init() {}
}
