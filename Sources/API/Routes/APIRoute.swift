public import HTTPTypes

/// One operation of the REST API: its method, its path below `/v2`, and what answers it.
public struct APIRoute: Sendable {
    typealias Handler = @Sendable (APICall) async throws(APIFault) -> APIReply

    public let method: HTTPRequest.Method
    public let path: PathTemplate
    let handler: Handler

    init(_ method: HTTPRequest.Method, _ path: String, _ handler: @escaping Handler) {
        self.method = method
        self.path = PathTemplate(path)
        self.handler = handler
    }
}

/// Finds the route for a request, or says what is wrong with it. The router below knows neither 405 nor which of two fitting paths is meant.
struct RouteTable: Sendable {
    enum Match: Sendable {
        case found(APIRoute, parameters: [String: String])
        /// The path exists, for these methods.
        case wrongMethod(allowed: [HTTPRequest.Method])
        case unknownPath
    }

    let routes: [APIRoute]

    /// HEAD is served wherever GET is.
    func match(_ method: HTTPRequest.Method, _ segments: some Collection<String>) -> Match {
        var best: (path: PathTemplate, parameters: [String: String])?
        for route in self.routes {
            guard let parameters = route.path.match(segments) else { continue }
            if let present = best?.path, present == route.path || !route.path.isMoreLiteral(than: present) { continue }
            best = (route.path, parameters)
        }
        guard let best else { return .unknownPath }
        let candidates = self.routes.filter { $0.path == best.path }
        let wanted = method == .head ? .get : method
        if let route = candidates.first(where: { $0.method == wanted }) { return .found(route, parameters: best.parameters) }
        var allowed = candidates.map(\.method)
        if allowed.contains(.get) { allowed.append(.head) }
        return .wrongMethod(allowed: allowed + [.options])
    }
}
