/// Says which requests become WebSockets (RFC 6455).
///
/// Called on event loops, once for each request that asks for it correctly, so it must be quick and must not block.
public protocol WebSocketResponder: Sendable {
    /// nil: there is no WebSocket here; the request goes on as if it had asked for none.
    /// - Parameter protocols: what the client offers in `Sec-WebSocket-Protocol`, in order.
    func answer(_ request: ReadyRequest, protocols: [String]) -> WebSocketAnswer?
}

public enum WebSocketAnswer: Sendable {
    /// `subprotocol` is one of those offered, or nil. Whether the page's origin may listen is for who answers to say, before it accepts.
    case accept(subprotocol: String?, session: any WebSocketSession)
    case refuse(ReadyResponse)
}

/// What is behind one WebSocket. All calls come from the connection's event loop: `opened` first, `closed` last, each once.
public protocol WebSocketSession: AnyObject, Sendable {
    func opened(_ socket: WebSocket)
    func received(_ message: WebSocketMessage)
    /// `broken` when the connection ended without a close frame.
    func closed(_ code: WebSocketCloseCode)
}
