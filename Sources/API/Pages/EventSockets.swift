import HTTP
import NIOCore
import Synchronization

/// `/events` as a WebSocket, for who would rather have one than server-sent events: the same messages under the same rule of access.
///
/// Each text message is an object with `event`, `change` or `live`, and `data`. What a client sends is not listened to.
final class EventSockets: WebSocketResponder {
    private let paths: Set<String>
    private let access: AccessRule
    private let feed: EventFeed
    private let onListening: @Sendable () -> Void

    init(prefixes: [String], access: AccessRule, feed: EventFeed, onListening: @escaping @Sendable () -> Void) {
        self.paths = Set(prefixes.map { $0 + "/events" })
        self.access = access
        self.feed = feed
        self.onListening = onListening
    }

    func answer(_ request: ReadyRequest, protocols: [String]) -> WebSocketAnswer? {
        guard self.paths.contains(request.path) else { return nil }
        let isAllowed = self.access.allows(
            remoteAddress: request.remoteAddress, forwardedFor: request.headers("x-forwarded-for"), authorization: request.header("authorization"),
            origin: request.header("origin"), authority: request.header("host"))
        guard isAllowed else { return .refuse(.text(status: 403, "Not allowed IP")) }
        guard self.feed.hasRoom else { return .refuse(.text(status: 503, "Too many pages are listening already.")) }
        return .accept(subprotocol: nil, session: EventSession(feed: self.feed, onListening: self.onListening))
    }
}

/// One listener. The task that passes messages on ends with the WebSocket, or when the feed lets the listener go.
private final class EventSession: WebSocketSession {
    private let feed: EventFeed
    private let onListening: @Sendable () -> Void
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(feed: EventFeed, onListening: @escaping @Sendable () -> Void) {
        self.feed = feed
        self.onListening = onListening
    }

    func opened(_ socket: WebSocket) {
        guard let messages = self.feed.listen() else { return socket.close(.tryAgainLater) }
        // Cancelled by `closed`, which comes in any case.
        let task = Task { [onListening] in
            onListening()
            for await message in messages {
                guard let text = EventMessage.socketText(of: message), socket.send(text: text) else { break }
            }
            socket.close(.goingAway)
        }
        self.task.withLock { $0 = task }
    }

    func received(_ message: WebSocketMessage) {}

    func closed(_ code: WebSocketCloseCode) { self.task.withLock { $0 }?.cancel() }
}

extension EventMessage {
    /// The same message for a WebSocket: `{"event":"change","data":{…}}`; nil for what is of server-sent events alone.
    static func socketText(of message: ByteBuffer) -> ByteBuffer? {
        let lines = message.readableBytesView.split(separator: UInt8(ascii: "\n"))
        guard lines.count == 2, lines[0].starts(with: "event: ".utf8), lines[1].starts(with: "data: ".utf8) else { return nil }
        var text = ByteBuffer()
        text.reserveCapacity(message.readableBytes + 16)
        text.writeStaticString("{\"event\":\"")
        text.writeBytes(lines[0].dropFirst(7))
        text.writeStaticString("\",\"data\":")
        text.writeBytes(lines[1].dropFirst(6))
        text.writeStaticString("}")
        return text
    }
}
