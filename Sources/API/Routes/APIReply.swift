import HTTPTypes
import Hummingbird
import NIOCore

/// The answer of a route.
struct APIReply: Sendable, Equatable {
    var status: HTTPResponse.Status
    /// JSON; nil for no body at all.
    var body: ByteBuffer?
    /// Sent as `Allow`.
    var allowed: [HTTPRequest.Method] = []
    /// Sent instead of a body.
    var events: EventAnswer?
    /// The same.
    var file: FileAnswer?

    init(_ status: HTTPResponse.Status = .ok, body: ByteBuffer? = nil) {
        self.status = status
        self.body = body
    }

    init(_ status: HTTPResponse.Status = .ok, _ value: some JSONWritable) {
        var writer = JSONWriter()
        value.write(to: &writer)
        self.init(status, body: writer.buffer)
    }

    var response: Response {
        var headers = HTTPFields()
        if !self.allowed.isEmpty { headers[.allow] = self.allowed.map(\.rawValue).joined(separator: ", ") }
        // Answers differ from one moment to the next.
        headers[.cacheControl] = "no-store"
        if let events = self.events { return events.response(headers) }
        if let file = self.file { return file.response(headers) }
        guard let body = self.body else { return Response(status: self.status, headers: headers) }
        headers[.contentType] = "application/json"
        return Response(status: self.status, headers: headers, body: .init(byteBuffer: body))
    }
}
