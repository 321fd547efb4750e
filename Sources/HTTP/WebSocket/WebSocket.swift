public import NIOCore
import Synchronization

/// The sending side of one WebSocket. Usable from any thread; after the end nothing happens any more.
public final class WebSocket: Sendable {
    private let eventLoop: any EventLoop
    private let limit: Int
    /// Bytes given to `send` that the socket has not taken.
    private let queued = Atomic<Int>(0)
    private let isOpen = Atomic<Bool>(true)
    private let handler: NIOLoopBound<WebSocketHandler>

    init(handler: WebSocketHandler, eventLoop: any EventLoop, queuedBytes: Int) {
        self.handler = NIOLoopBound(handler, eventLoop: eventLoop)
        self.eventLoop = eventLoop
        self.limit = queuedBytes
    }

    /// Sends one text message, which must be UTF-8. False when the WebSocket is closed, or is being closed because the client does not read.
    @discardableResult
    public func send(text: ByteBuffer) -> Bool {
        guard self.isOpen.load(ordering: .relaxed) else { return false }
        let size = text.readableBytes
        guard self.queued.wrappingAdd(size, ordering: .relaxed).newValue <= self.limit else {
            self.close(.tryAgainLater)
            return false
        }
        self.eventLoop.execute { self.handler.value.send(text) { self.queued.wrappingSubtract(size, ordering: .relaxed) } }
        return true
    }

    @discardableResult
    public func send(text: String) -> Bool { self.send(text: ByteBuffer(string: text)) }

    /// Begins the closing handshake; messages sent before still go out.
    public func close(_ code: WebSocketCloseCode = .normal) {
        guard self.isOpen.exchange(false, ordering: .relaxed) else { return }
        self.eventLoop.execute { self.handler.value.close(code) }
    }

    /// On the event loop.
    func ended() { self.isOpen.store(false, ordering: .relaxed) }
}
