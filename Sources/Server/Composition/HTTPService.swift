import HTTP
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle

/// The request's body could not be read while its answer was being sent.
private struct BrokenRequest: Error {}

/// One HTTP listener with Hummingbird's router behind it.
///
/// Hummingbird's own `Application` also wakes the process once a second to format the date; an idle server should sleep.
struct HTTPService<Responder: HTTPResponder>: Service where Responder.Context: InitializableFromSource<ApplicationRequestContextSource> {
    let responder: Responder
    let server: HTTPServerBuilder
    let host: String
    var port: Int
    let group: any EventLoopGroup
    let logger: Logger
    /// Told the port it listens on.
    let onListening: @Sendable (Int) -> Void

    func run() async throws {
        let (responder, logger, dates) = (self.responder, self.logger, HTTPDateCache())
        let server = try self.server.buildServer(
            configuration: ServerConfiguration(address: .hostname(self.host, port: self.port), serverName: nil), eventLoopGroup: self.group,
            logger: logger
        ) { request, writer, channel in
            var logger = logger
            logger[metadataKey: "hb.request.id"] = .stringConvertible(RequestID())
            let context = Responder.Context(source: ApplicationRequestContextSource(channel: channel, logger: logger))
            var response: Response
            do {
                response = try await responder.respond(to: request, context: context)
            } catch let error as HTTPParserError {
                // The connection's business: it answers and closes.
                throw error
            } catch {
                logger.error("request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
                response = Response(status: .internalServerError)
            }
            response.headers[.date] = dates.now()
            do {
                try await writer.write(response: response.head, body: response.body)
            } catch is HTTPParserError {
                // It cannot be answered a second time.
                throw BrokenRequest()
            }
        } onServerRunning: { [onListening, port] channel in
            onListening(channel.localAddress?.port ?? port)
        }
        try await server.run()
    }
}
