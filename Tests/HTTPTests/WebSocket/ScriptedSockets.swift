import NIOCore
import Synchronization

@testable import HTTP

/// `/echo` says everything back, `/flood` sends more than anybody takes, `/refuse` refuses; there is no WebSocket elsewhere.
final class ScriptedSockets: WebSocketResponder {
    let sessions = Mutex<[ScriptedSession]>([])

    func answer(_ request: ReadyRequest, protocols: [String]) -> WebSocketAnswer? {
        switch request.path {
        case "/echo", "/flood":
            let session = ScriptedSession(floods: request.path == "/flood")
            self.sessions.withLock { $0.append(session) }
            return .accept(subprotocol: protocols.first { $0 == "echo" }, session: session)
        case "/refuse":
            return .refuse(.text(status: 403, "not here"))
        default:
            return nil
        }
    }
}

final class ScriptedSession: WebSocketSession {
    private let floods: Bool
    let socket = Mutex<WebSocket?>(nil)
    let received = Mutex<[WebSocketMessage]>([])
    let codes = Mutex<[WebSocketCloseCode]>([])
    /// Ends with the WebSocket.
    let ended: AsyncStream<WebSocketCloseCode>
    private let end: AsyncStream<WebSocketCloseCode>.Continuation

    init(floods: Bool) {
        self.floods = floods
        (self.ended, self.end) = AsyncStream.makeStream()
    }

    func opened(_ socket: WebSocket) {
        self.socket.withLock { $0 = socket }
        guard self.floods else { return }
        let piece = ByteBuffer(repeating: UInt8(ascii: "x"), count: 16 << 10)
        while socket.send(text: piece) {}
    }

    func received(_ message: WebSocketMessage) {
        self.received.withLock { $0.append(message) }
        let socket = self.socket.withLock { $0 }
        switch message {
        case .text("close"): socket?.close(.normal)
        case .text(let text): socket?.send(text: text)
        case .binary(let bytes): socket?.send(text: "\(bytes.readableBytes) bytes")
        }
    }

    func closed(_ code: WebSocketCloseCode) {
        self.codes.withLock { $0.append(code) }
        self.end.yield(code)
        self.end.finish()
    }
}
