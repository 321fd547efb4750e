import NIOCore
import NIOHTTPTypes

/// The requests of one HTTP/2 connection on their way from its event loop to the router's tasks: so many at a time, further ones wait their turn.
///
/// A request counts until the router has put it away, which is a little after the client had the end of the answer and may have sent the next. So a
/// client that keeps to the limit of open streams can still be ahead of a busy router; it waits, and is not refused. What waits is bounded by the
/// streams a connection may have open.
final class HTTP2RoutedStreams: Sendable {
    typealias Stream = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    private struct Queue {
        /// With the router, those included whose client has gone.
        var open = 0
        /// The longest waiting first.
        var waiting = CircularBuffer<HTTP2StreamChannel>()
        var isEnded = false
    }

    /// Never more than `limit` wait in it. Ends with the connection.
    let accepted: AsyncStream<Stream>
    private let continuation: AsyncStream<Stream>.Continuation
    private let limit: Int
    private let eventLoop: any EventLoop
    private let queue: NIOLoopBoundBox<Queue>

    /// On the event loop, as everything but `finished`.
    init(limit: Int, eventLoop: any EventLoop) {
        self.limit = limit
        self.eventLoop = eventLoop
        self.queue = NIOLoopBoundBox(Queue(), eventLoop: eventLoop)
        (self.accepted, self.continuation) = AsyncStream.makeStream(of: Stream.self, bufferingPolicy: .unbounded)
    }

    func enter(_ channel: HTTP2StreamChannel) {
        self.queue.value.waiting.append(channel)
        self.letIn()
    }

    /// The stream was closed before its turn.
    func leave(_ channel: HTTP2StreamChannel) {
        self.queue.value.waiting.removeAll { $0 === channel }
    }

    /// The router has put one away. Called from its task.
    func finished() {
        self.eventLoop.execute {
            self.queue.value.open -= 1
            self.letIn()
        }
    }

    func end() {
        self.queue.value.isEnded = true
        self.continuation.finish()
    }

    private func letIn() {
        // Whoever would take them is gone after the end.
        while self.queue.value.open < self.limit, !self.queue.value.isEnded, let channel = self.queue.value.waiting.popFirst() {
            do {
                let stream = try Stream(wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
                self.queue.value.open += 1
                self.continuation.yield(stream)
                channel.begin()
            } catch {
                channel.fail()
            }
        }
    }
}
