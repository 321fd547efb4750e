import HTTP

/// Header fields and whole answers that are the same for all media.
enum DeliveryHeaders {
    /// Players on any page may read media and what its headers say.
    static let cors: [(String, String)] = [
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Expose-Headers", "Content-Length, Content-Range, Accept-Ranges, ETag, Date"),
    ]

    static let playlist = list(MediaType.playlist, isGzipped: false)
    static let gzippedPlaylist = list(MediaType.playlist, isGzipped: true)
    static let manifest = list(MediaType.manifest, isGzipped: false)
    static let gzippedManifest = list(MediaType.manifest, isGzipped: true)
    static let segment = piece(MediaType.segment)
    static let initSegment = piece(MediaType.mp4)

    /// Of what changes while a stream is live.
    private static func list(_ type: String, isGzipped: Bool) -> PreparedFields {
        let coding = isGzipped ? [("Content-Encoding", "gzip")] : []
        return PreparedFields([("Content-Type", type), ("Cache-Control", "no-cache"), ("Vary", "Accept-Encoding")] + coding + Self.cors)
    }

    /// Of what never changes under its name.
    private static func piece(_ type: String) -> PreparedFields {
        PreparedFields(
            [("Content-Type", type), ("Cache-Control", "public, max-age=31536000, immutable"), ("Accept-Ranges", "bytes")] + Self.cors)
    }

    static let preflight = ReadyResponse(
        status: 204,
        headers: [
            ("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Methods", "GET, HEAD, OPTIONS"),
            ("Access-Control-Allow-Headers", "Range, If-None-Match, If-Modified-Since, Accept, Origin, Content-Type, Authorization"),
            ("Access-Control-Max-Age", "86400"), ("Allow", "GET, HEAD, OPTIONS"),
        ])

    static let notFound = ReadyResponse.text(status: 404, "Not Found", headers: [("Cache-Control", "no-cache")] + Self.cors)
    static let badRequest = ReadyResponse.text(status: 400, "Bad Request", headers: [("Cache-Control", "no-store")] + Self.cors)
    static let unavailable = ReadyResponse.text(status: 503, "Service Unavailable", headers: [("Cache-Control", "no-store")] + Self.cors)
    /// Worth another try in a moment.
    static let notYet = ReadyResponse.text(
        status: 503, "Service Unavailable", headers: [("Cache-Control", "no-store"), ("Retry-After", "2")] + Self.cors)
    static let methodNotAllowed = ReadyResponse.text(status: 405, "Method Not Allowed", headers: [("Allow", "GET, HEAD, OPTIONS")] + Self.cors)
    static let viewerLimitReached = ReadyResponse.text(
        status: 403, "Viewer Limit Reached", headers: [("Cache-Control", "no-store")] + Self.cors)
}
