import HTTPTypes

/// What pages of other origins are told (contract 6.4): they may call, but never with the browser's own credentials, which nothing here uses.
enum CrossOrigin {
    private static let methods = "GET, POST, HEAD, OPTIONS, PUT, DELETE"
    private static let fields =
        "Accept, Origin, X-Requested-With, Access-Control-Request-Headers, Content-Type, Access-Control-Request-Method, Authorization"

    /// For every answer to a request that names its origin.
    static func add(to headers: inout HTTPFields, of request: HTTPFields) {
        guard request[.origin] != nil else { return }
        headers[.accessControlAllowOrigin] = "*"
    }

    /// For the question before a request.
    static func addPreflight(to headers: inout HTTPFields, of request: HTTPFields) {
        guard request[.origin] != nil else { return }
        headers[.accessControlAllowMethods] = Self.methods
        headers[.accessControlAllowHeaders] = Self.fields
        headers[.accessControlMaxAge] = "600"
    }
}
