import API
import Broadcasts
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Synchronization

extension RESTStage {
    typealias Call = @Sendable (HTTPRequest.Method, String, String?) async throws -> Reply

    /// Calls an interface over this stage's service that tells this feed what it does.
    func calls(with feed: EventFeed) -> Call {
        let interface = RESTInterface(
            service: self.service, configuration: .init(access: AccessRule(isAllowed: { _ in true }), version: "1.2.3"), events: feed,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        let router = Router(context: APIRequestContext.self)
        interface.addRoutes(to: router)
        let responder = router.buildResponder()
        return { method, path, body in
            var head = HTTPRequest(method: method, scheme: "http", authority: "reached.example:5080", path: path)
            if body != nil { head.headerFields[.contentType] = "application/json" }
            let request = Request(head: head, body: RequestBody(buffer: ByteBuffer(string: body ?? "")))
            let context = APIRequestContext(source: Nobody(), remoteAddress: try SocketAddress(ipAddress: "127.0.0.1", port: 40_000))
            let response = try await responder.respond(to: request, context: context)
            let written = Written()
            try await response.body.write(Writer(written: written))
            return Reply(status: response.status, headers: response.headers, body: String(buffer: written.bytes.withLock { $0 }))
        }
    }
}

private struct Nobody: RequestContextSource {
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
}

private final class Written: Sendable {
    let bytes = Mutex(ByteBuffer())
}

private struct Writer: ResponseBodyWriter {
    let written: Written

    mutating func write(_ buffer: ByteBuffer) async throws { self.written.bytes.withLock { _ = $0.writeImmutableBuffer(buffer) } }
    consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
}
