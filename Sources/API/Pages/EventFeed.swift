public import Broadcasts
import NIOCore
import Synchronization

/// What operators' pages are told as it happens: server-sent events (HTML standard §9.2). Owned by the composition root.
///
/// `change` names a broadcast to look at again, or none when any may have changed; `live` has the numbers of all that are live. Every listener gets
/// the same bytes. One that falls behind is let go: it comes back and reads everything anew, which costs less than keeping what it missed.
public final class EventFeed: Sendable {
    public struct Configuration: Sendable {
        /// Pages that may listen at a time, 1…
        public var listeners: Int
        /// Messages that may wait for one listener, 1…
        public var waiting: Int
        /// Between two `live`, which are the sign of life too.
        public var interval: Duration

        public init(listeners: Int = 64, waiting: Int = 32, interval: Duration = .seconds(2)) {
            self.listeners = listeners
            self.waiting = waiting
            self.interval = interval
        }
    }

    private struct State {
        var listeners: [Int: AsyncStream<ByteBuffer>.Continuation] = [:]
        var nextListener = 0
        /// Ids of broadcasts that are live.
        var live: Set<String> = []
        var isClosed = false
    }

    let configuration: Configuration
    private let state = Mutex(State())

    public init(configuration: Configuration = Configuration()) { self.configuration = configuration }

    deinit { self.close() }

    // MARK: What happens

    /// From any thread; never blocks.
    public func note(_ event: BroadcastEvent) {
        self.state.withLock { state in
            switch event {
            case .liveStreamStarted(let id): state.live.insert(id)
            case .liveStreamEnded(let id): state.live.remove(id)
            default: break
            }
        }
        self.send(EventMessage.change(streamID: event.streamID.isEmpty ? nil : event.streamID, action: event.action))
    }

    /// Somebody changed a broadcast through the API; nil when it may have been any.
    func changed(_ id: String?) { self.send(EventMessage.change(streamID: id, action: "changed")) }

    /// Ids of the broadcasts that are live.
    var liveIDs: [String] { self.state.withLock { $0.live.sorted() } }

    /// Ends all listening, for good. To be called when the server begins to stop, or its open answers would hold it up.
    public func close() {
        let listeners = self.state.withLock { state in
            state.isClosed = true
            defer { state.listeners = [:] }
            return Array(state.listeners.values)
        }
        for listener in listeners { listener.finish() }
    }

    // MARK: Listening

    public var listenerCount: Int { self.state.withLock { $0.listeners.count } }
    var hasRoom: Bool { self.state.withLock { !$0.isClosed && $0.listeners.count < self.configuration.listeners } }

    /// Messages from now on, until the iteration is given up, it falls behind, or the server stops. Nil: there is no room.
    func listen() -> AsyncStream<ByteBuffer>? {
        let (messages, continuation) = AsyncStream.makeStream(of: ByteBuffer.self, bufferingPolicy: .bufferingOldest(self.configuration.waiting))
        let number: Int? = self.state.withLock { state in
            guard !state.isClosed, state.listeners.count < self.configuration.listeners else { return nil }
            state.nextListener += 1
            state.listeners[state.nextListener] = continuation
            return state.nextListener
        }
        guard let number else { return nil }
        continuation.onTermination = { [weak self] _ in self?.forget(number) }
        return messages
    }

    func send(_ message: ByteBuffer) {
        let listeners = self.state.withLock { $0.listeners }
        for (number, listener) in listeners {
            guard case .dropped = listener.yield(message) else { continue }
            self.forget(number)
            listener.finish()
        }
    }

    private func forget(_ number: Int) { self.state.withLock { _ = $0.listeners.removeValue(forKey: number) } }
}

extension EventFeed: Equatable {
    public static func == (left: EventFeed, right: EventFeed) -> Bool { left === right }
}
