public import Synchronization

/// What the HTTP door has counted since it was opened. Owned by the composition root, shared by all connections.
public final class HTTPCounters: Sendable {
    public let openConnections = Atomic<Int>(0)
    public let acceptedConnections = Atomic<UInt64>(0)
    public let refusedConnections = Atomic<UInt64>(0)
    /// Answered by the `ReadyResponder`.
    public let readyRequests = Atomic<UInt64>(0)
    /// Passed to the router.
    public let routedRequests = Atomic<UInt64>(0)
    /// Malformed, too large or too slow.
    public let rejectedRequests = Atomic<UInt64>(0)
    /// Closed because the client took nothing for `HTTPLimits.stallTimeout`.
    public let stalledConnections = Atomic<UInt64>(0)

    /// TLS handshakes that were completed, and secure connections that ended before theirs was.
    public let handshakes = Atomic<UInt64>(0)
    public let failedHandshakes = Atomic<UInt64>(0)
    /// Connections that spoke HTTP/2.
    public let http2Connections = Atomic<UInt64>(0)
    /// Requests on them.
    public let http2Streams = Atomic<UInt64>(0)
    /// Streams given up because the client took nothing, or sent nothing of a body, for too long.
    public let http2StalledStreams = Atomic<UInt64>(0)
    /// HTTP/2 connections closed because of what the client sent: no HTTP/2, or too much that is of no use.
    public let http2ProtocolErrors = Atomic<UInt64>(0)
    public let http2Floods = Atomic<UInt64>(0)

    public init() {}

    /// True when there is room for one more; every call is matched by one `closed()`.
    func opened(limit: Int) -> Bool {
        let open = self.openConnections.wrappingAdd(1, ordering: .relaxed).newValue
        self.acceptedConnections.wrappingAdd(1, ordering: .relaxed)
        guard open > limit else { return true }
        self.refusedConnections.wrappingAdd(1, ordering: .relaxed)
        return false
    }

    func closed() {
        self.openConnections.wrappingSubtract(1, ordering: .relaxed)
    }
}
