public import NIOCore

/// What one HTTP connection, and all of them together, may take.
public struct HTTPLimits: Sendable {
    /// Bytes of names and values of all header fields of a request, and of its target; more is answered with 431.
    public var headBytes = 16 * 1024
    /// Fields in one request; more is answered with 431.
    public var headerFields = 100
    /// Bytes of the request target; more is answered with 414.
    public var targetBytes = 8 * 1024
    /// From the first byte of a request to the end of its head; then 408.
    public var headTimeout = TimeAmount.seconds(10)
    /// Without a request, or without a byte of a request's body that is being waited for.
    public var idleTimeout = TimeAmount.seconds(60)
    /// Without the client taking a single byte of what is waiting for it.
    public var stallTimeout = TimeAmount.seconds(30)
    /// What a client that was told goodbye may still send before the socket is closed under it.
    public var lingerTimeout = TimeAmount.seconds(2)
    /// Requests sent ahead while an earlier one is still being answered.
    public var pipelinedRequests = 100
    /// Open connections; one more is answered with 503 and closed.
    public var connections = 20_000
    /// HTTP/2: requests of one connection that may be open at a time.
    public var streams = 100
    /// HTTP/2: requests of one connection that the router may be busy with, those included whose client has gone; further ones wait.
    public var routedStreams = 200
    /// HTTP/2: bytes of request bodies that a connection may send ahead of who reads them, for each request and for all together.
    public var streamWindow = 128 * 1024
    public var connectionWindow = 1024 * 1024
    /// HTTP/2: frames that carry neither a request nor a body (pings, settings, priorities, resets) a connection may send: at once, and for each
    /// second. One that sends more is closed.
    public var controlFrameBurst = 1000
    public var controlFramesPerSecond = 50

    public init() {}
}
