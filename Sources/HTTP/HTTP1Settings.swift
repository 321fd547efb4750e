/// What all HTTP/1.x connections of one event loop share.
struct HTTP1Settings: Sendable {
    var limits: HTTPLimits
    var counters: HTTPCounters
    var dates: HTTPDateCache
    /// The Server field of the fast path's answers; nil: none. The router's answers bring their own.
    var serverName: String?
    var isSecure: Bool
}
