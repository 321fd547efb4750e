import NIOCore
import NIOHTTPTypes
import Synchronization

/// The requests of one HTTP/2 connection on their way from its event loop to the router's tasks.
final class HTTP2RoutedStreams: Sendable {
    typealias Stream = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    /// Never more than `limit` wait in it. Ends with the connection.
    let accepted: AsyncStream<Stream>
    private let continuation: AsyncStream<Stream>.Continuation
    private let limit: Int
    private let open = Atomic<Int>(0)

    init(limit: Int) {
        self.limit = limit
        (self.accepted, self.continuation) = AsyncStream.makeStream(of: Stream.self, bufferingPolicy: .unbounded)
    }

    /// False when too many are being answered. True must be followed by `accept` or `finished`.
    func reserve() -> Bool {
        guard self.open.wrappingAdd(1, ordering: .relaxed).newValue <= self.limit else {
            self.finished()
            return false
        }
        return true
    }

    func accept(_ stream: Stream) { self.continuation.yield(stream) }
    func finished() { self.open.wrappingSubtract(1, ordering: .relaxed) }
    func end() { self.continuation.finish() }
}
