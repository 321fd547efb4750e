import HTTP
import NIOCore
import Outputs

/// Live HLS and DASH over HTTP.
extension DeliveryResponder {
    /// Query parameters that a playlist's own URIs must repeat.
    private static let repeatedParameters: Set<Substring> = ["token", "subscriberId", "subscriberCode"]
    private static let longestQuery = 1024

    func live(_ target: MediaTargets.Target, _ request: ReadyRequest, on eventLoop: any EventLoop) -> ReadyAnswer? {
        let asked = HLSRequest(
            path: target.live, query: Self.repeatedQuery(request.query), parameters: request.query,
            acceptsGzip: Self.acceptsGzip(request.header("accept-encoding")),
            cookie: Self.cookie(request.headers("cookie")), remoteAddress: request.remoteAddress, userAgent: request.header("user-agent") ?? "",
            isHead: request.method == .head, wantsFile: request.sendsFilesUncopied)
        return self.awaitSource(of: target.broadcasts, asked, request, on: eventLoop) ?? self.fromShelf(asked, request, on: eventLoop)
    }

    /// nil: live HLS knows nothing of it.
    func fromShelf(_ asked: HLSRequest, _ request: ReadyRequest, on eventLoop: any EventLoop) -> ReadyAnswer? {
        switch self.hls.respond(to: asked, on: eventLoop) {
        case nil: return nil
        case .now(let reply): return .now(Self.response(reply, request))
        case .later(let reply): return .later(reply.map { Self.response($0, request) })
        }
    }

    private static func response(_ reply: HLSReply, _ request: ReadyRequest) -> ReadyResponse {
        switch reply {
        case .playlist(let bytes, let isGzipped, let newCookie):
            return self.list(bytes, isGzipped ? DeliveryHeaders.gzippedPlaylist : DeliveryHeaders.playlist, newCookie: newCookie, request)
        case .manifest(let bytes, let isGzipped, let newCookie):
            return self.list(bytes, isGzipped ? DeliveryHeaders.gzippedManifest : DeliveryHeaders.manifest, newCookie: newCookie, request)
        case .initSegment(let bytes):
            return self.piece(.memory(bytes), DeliveryHeaders.initSegment, request)
        case .segment(let body):
            return self.piece(body, DeliveryHeaders.segment, request)
        case .notFound:
            return DeliveryHeaders.notFound
        case .badRequest:
            return DeliveryHeaders.badRequest
        case .unavailable:
            return DeliveryHeaders.unavailable
        case .viewerLimitReached:
            return DeliveryHeaders.viewerLimitReached
        }
    }

    private static let cookieStart = LiveHLS.cookieName + "="

    private static func list(_ bytes: ByteBuffer, _ common: PreparedFields, newCookie: String?, _ request: ReadyRequest) -> ReadyResponse {
        var headers: [(String, String)] = []
        if let newCookie {
            // Over TLS a player on another site may send it back; without, browsers would not take SameSite=None.
            var field = ""
            field.reserveCapacity(96)
            field += self.cookieStart
            field += newCookie
            field += request.isSecure ? "; Path=/; HttpOnly; SameSite=None; Secure" : "; Path=/; HttpOnly; SameSite=Lax"
            headers.append(("Set-Cookie", field))
        }
        return ReadyResponse(status: 200, common: common, headers: headers, body: .buffer(bytes))
    }

    private static func piece(_ body: HLSBody, _ common: PreparedFields, _ request: ReadyRequest) -> ReadyResponse {
        switch body {
        case .memory(let bytes):
            self.piece(size: Int64(bytes.readableBytes), common, request) { range in
                .buffer(bytes.getSlice(at: bytes.readerIndex + Int(range.offset), length: Int(range.length)) ?? bytes)
            }
        case .file(let path, let offset, let length):
            self.piece(size: Int64(length), common, request) { range in
                .file(path: path, offset: Int64(offset) + range.offset, length: range.length)
            }
        case .growing(let segment):
            self.growing(segment, common)
        }
    }

    private static func piece(size: Int64, _ common: PreparedFields, _ request: ReadyRequest, _ body: (ByteRange) -> ReadyBody) -> ReadyResponse {
        switch request.method == .get ? ByteRange.parse(request.header("range"), size: size) : .whole {
        case .whole:
            return ReadyResponse(status: 200, common: common, body: body(ByteRange(offset: 0, length: size)))
        case .range(let part):
            return ReadyResponse(status: 206, common: common, headers: [("Content-Range", part.text(size: size))], body: body(part))
        case .unsatisfiable:
            return ReadyResponse(status: 416, common: common, headers: [("Content-Range", "bytes */\(size)")])
        }
    }

    /// A range of what has no length yet is not given: RFC 9110 §14.2 lets a server send the whole.
    private static func growing(_ segment: GrowingSegment, _ common: PreparedFields) -> ReadyResponse {
        let body = GrowingBody { index, eventLoop in Self.step(segment.step(index, on: eventLoop)) }
        return ReadyResponse(status: 200, common: common, body: .growing(body))
    }

    private static func step(_ step: GrowingSegment.Step) -> GrowingBody.Step {
        switch step {
        case .piece(let bytes): .piece(bytes)
        case .later(let future): .later(future.map { Self.step($0) })
        case .end: .end
        case .broken: .broken
        }
    }

    // MARK: What the request says

    /// The parameters to repeat, as they were encoded; nil when there is none. Values that could break out of a playlist's line are not repeated.
    static func repeatedQuery(_ query: String?) -> String? {
        guard let query, query.utf8.count <= self.longestQuery else { return nil }
        let kept = query.split(separator: "&").filter { pair in
            guard let equals = pair.firstIndex(of: "="), self.repeatedParameters.contains(pair[..<equals]) else { return false }
            return pair.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
                case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
                case UInt8(ascii: "%"), UInt8(ascii: "="), UInt8(ascii: "+"): true
                default: false
                }
            }
        }
        return kept.isEmpty ? nil : kept.joined(separator: "&")
    }

    /// RFC 9110 §12.5.3, as far as gzip is concerned.
    static func acceptsGzip(_ field: String?) -> Bool {
        guard let field else { return false }
        for coding in field.lowercased().split(separator: ",") {
            let parts = coding.split(separator: ";").map { $0.drop(while: { $0 == " " }) }
            guard let name = parts.first?.split(separator: " ").first, name == "gzip" || name == "*" else { continue }
            let quality = parts.dropFirst().first { $0.hasPrefix("q=") }?.dropFirst(2)
            return quality.flatMap { Double($0) } ?? 1 > 0
        }
        return false
    }

    /// The value of our cookie; nil: there is none.
    static func cookie(_ fields: [String]) -> String? {
        for field in fields {
            // Bytes, as every request comes by here: names and separators are ASCII (RFC 6265 §4.2.1).
            for pair in field.utf8.split(separator: UInt8(ascii: ";")) {
                let pair = pair.drop { $0 == UInt8(ascii: " ") }
                if pair.starts(with: self.cookieStart.utf8) { return String(Substring(pair.dropFirst(self.cookieStart.utf8.count))) }
            }
        }
        return nil
    }
}
