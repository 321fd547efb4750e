public import Broadcasts
public import HTTP
import HTTPTypes
public import Hummingbird
public import Logging
import NIOCore

/// The REST API: all routes, under all their prefixes, behind the access rule. Owned by the composition root.
public struct RESTInterface: Sendable {
    public struct Configuration: Sendable {
        public var access: AccessRule
        public var version: String
        /// 13 characters, by habit of this API's clients.
        public var buildNumber: String

        public init(access: AccessRule, version: String, buildNumber: String = "0000000000000") {
            self.access = access
            self.version = version
            self.buildNumber = buildNumber
        }
    }

    /// Everything the API answers, below `/v2`.
    public var routes: [APIRoute] { self.table.routes }
    /// `/v2`, `/rest/v2`, and `/{app}/rest/v2` for the application and its other names.
    public let prefixes: [String]

    /// What of it is offered as a WebSocket.
    public let webSockets: any WebSocketResponder

    private let table: RouteTable
    private let access: AccessRule
    private let events: EventFeed
    private let logger: Logger

    /// `events` is what listeners are told from; whoever makes it tells it what happens, and closes it when the server begins to stop.
    public init(service: BroadcastService, configuration: Configuration, events: EventFeed = EventFeed(), logger: Logger) {
        let settings = service.configuration
        let presenter = BroadcastPresenter(
            app: settings.app, serverName: settings.serverName, hostAddress: settings.hostAddress, srtPort: settings.srtPort)
        let eventRoutes = EventRoutes(service: service, feed: events, logger: logger)
        self.table = RouteTable(
            routes: BroadcastRoutes(service: service, presenter: presenter).routes + SourceRoutes(service: service).routes
                + EndpointRoutes(service: service).routes + StatisticsRoutes(service: service).routes + VodRoutes(service: service).routes
                + VodUploadRoutes(service: service, logger: logger).routes
                + VodDirectoryRoutes(service: service).routes + ConversionRoutes(service: service).routes
                + VersionRoutes(version: configuration.version, buildNumber: configuration.buildNumber).routes
                + eventRoutes.routes)
        var prefixes = ["/v2", "/rest/v2"]
        for app in [settings.app] + settings.appAliases where !prefixes.contains("/\(app)/rest/v2") { prefixes.append("/\(app)/rest/v2") }
        self.prefixes = prefixes
        self.access = configuration.access
        self.webSockets = EventSockets(prefixes: prefixes, access: configuration.access, feed: events) { eventRoutes.startTicking() }
        self.events = events
        self.logger = logger
    }

    /// Takes everything below the prefixes; all other paths of the router are free.
    public func addRoutes(to router: Router<APIRequestContext>) {
        for prefix in self.prefixes {
            let depth = prefix.split(separator: "/").count
            for method in Self.methods {
                router.on(RouterPath(prefix + "/**"), method: method) { request, context in
                    await self.respond(to: request, context, depth: depth)
                }
            }
        }
    }

    /// All that may be asked of a path, so that a wrong one is told from an unknown path.
    private static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .delete, .patch, .options, .trace]

    private func respond(to request: Request, _ context: APIRequestContext, depth: Int) async -> Response {
        var response = await self.reply(to: request, context, depth: depth).response
        CrossOrigin.add(to: &response.headers, of: request.headers)
        if request.method == .options { CrossOrigin.addPreflight(to: &response.headers, of: request.headers) }
        if let id = context.logger[metadataKey: "hb.request.id"], let name = HTTPField.Name("X-Request-Id") {
            response.headers[name] = "\(id)"
        }
        guard request.method == .head else { return response }
        // The length is that of the answer to GET.
        if let length = response.body.contentLength { response.headers[.contentLength] = String(length) }
        return response.createHeadResponse()
    }

    private func reply(to request: Request, _ context: APIRequestContext, depth: Int) async -> APIReply {
        do throws(APIFault) {
            // Asked by browsers without any credential; the answer holds nothing.
            if request.method == .options { return try self.options(for: request, depth: depth) }
            guard self.isAllowed(request, context) else { throw .notAllowed }
            let (route, parameters) = try self.route(for: request, depth: depth)
            let call = APICall(
                request: request, parameters: parameters, query: QueryText(request.uri.query),
                host: BroadcastPresenter.host(ofAuthority: request.head.authority))
            context.coreContext.endpointPath.value = route.path.description
            let reply = try await route.handler(call)
            if route.method != .get, route.path.description.hasPrefix("/broadcasts") { self.events.changed(parameters["id"]) }
            return reply
        } catch {
            self.note(error, request, context)
            return ErrorResponder.reply(to: error)
        }
    }

    private func isAllowed(_ request: Request, _ context: APIRequestContext) -> Bool {
        self.access.allows(
            remoteAddress: context.remoteAddress?.ipAddress, forwardedFor: Self.forwardedFor(request),
            authorization: request.headers[.authorization], origin: request.headers[.origin], authority: request.head.authority)
    }

    private static func forwardedFor(_ request: Request) -> [String] {
        HTTPField.Name("X-Forwarded-For").map { request.headers[values: $0] } ?? []
    }

    private func route(for request: Request, depth: Int) throws(APIFault) -> (route: APIRoute, parameters: [String: String]) {
        switch self.table.match(request.method, try Self.segments(of: request, depth: depth)) {
        case .found(let route, let parameters): return (route, parameters)
        case .wrongMethod(let allowed): throw .wrongMethod(allowed: allowed)
        case .unknownPath: throw .unknownPath
        }
    }

    private func options(for request: Request, depth: Int) throws(APIFault) -> APIReply {
        guard case .wrongMethod(let allowed) = self.table.match(.options, try Self.segments(of: request, depth: depth)) else { throw .unknownPath }
        var reply = APIReply(.noContent)
        reply.allowed = allowed
        return reply
    }

    /// The path below the prefix, taken apart before it is decoded, so that an escaped slash stays inside its segment. One slash at the end does not
    /// count.
    static func segments(of request: Request, depth: Int) throws(APIFault) -> [String] {
        var segments = request.uri.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst(depth + 1)
        if segments.last?.isEmpty == true { segments.removeLast() }
        var decoded: [String] = []
        for segment in segments {
            guard let text = PercentText.decode(segment) else { throw .malformedPath }
            decoded.append(text)
        }
        return decoded
    }

    private func note(_ fault: APIFault, _ request: Request, _ context: APIRequestContext) {
        switch fault {
        case .notAllowed:
            let peer = self.access.clientAddress(remoteAddress: context.remoteAddress?.ipAddress, forwardedFor: Self.forwardedFor(request))
            self.logger.notice("REST call refused", metadata: ["peer": "\((peer ?? "?").filter { $0.isHexDigit || $0 == "." || $0 == ":" })"])
        case .broadcast(.store(let error), _, _):
            context.logger.error("REST call failed", metadata: ["error": "\(error)", "method": "\(request.method.rawValue)"])
        default: break
        }
    }
}
