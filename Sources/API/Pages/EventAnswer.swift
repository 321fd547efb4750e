import HTTPTypes
import Hummingbird
import NIOCore

/// An answer that does not end: the feed's messages, each written when the one before has gone out.
struct EventAnswer: Sendable {
    let feed: EventFeed
    /// Called when somebody listens.
    let onListening: @Sendable () -> Void

    func response(_ headers: HTTPFields) -> Response {
        var headers = headers
        headers[.contentType] = "text/event-stream"
        // Some proxies collect answers until they end.
        if let name = HTTPField.Name("X-Accel-Buffering") { headers[name] = "no" }
        // Whoever asks with HEAD never comes to listen.
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody { [feed, onListening] writer in
                try await writer.write(EventMessage.welcome)
                if let messages = feed.listen() {
                    onListening()
                    for await message in messages { try await writer.write(message) }
                }
                try await writer.finish(nil)
            })
    }
}

extension EventAnswer: Equatable {
    static func == (left: EventAnswer, right: EventAnswer) -> Bool { left.feed == right.feed }
}
