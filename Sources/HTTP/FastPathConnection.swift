public import HummingbirdCore
public import NIOCore
import NIOHTTPTypes

/// One accepted connection. Which protocol it speaks shows with its first bytes, or with the end of the handshake.
public struct FastPathConnection: ServerChildChannelValue {
    enum Chosen: Sendable {
        case http1(NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>)
        case http2(HTTP2RoutedStreams)
    }

    public let channel: any Channel
    let chosen: EventLoopFuture<Chosen?>

    /// nil: it ended before it said anything.
    func protocolChosen() async -> Chosen? {
        do {
            return try await self.chosen.get()
        } catch {
            return nil  // the event loop is gone, and the connection with it
        }
    }
}
