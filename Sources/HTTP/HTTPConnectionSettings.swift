/// What all connections of one port and event loop share.
struct HTTPConnectionSettings: Sendable {
    var limits: HTTPLimits
    var counters: HTTPCounters
    var dates: HTTPDateCache
    /// The Server field of the fast path's answers; nil: none. The router's answers bring their own.
    var serverName: String?
    var isSecure: Bool
    /// nil: there are no WebSockets.
    var webSockets: (any WebSocketResponder)?
    var webSocketLimits: WebSocketLimits
    /// The Strict-Transport-Security field of all answers; nil: none.
    var strictTransport: String?
}
