public import NIOCore

/// A request for something of a live stream, with what HTTP said about who asks.
public struct HLSRequest: Sendable {
    public var path: LivePath
    /// Tokens of the query that the playlist's own URIs must carry too, still percent-encoded; nil when there are none.
    public var query: String?
    /// The whole query as it was sent: what of it is for playlists is read here.
    public var parameters: String?
    public var acceptsGzip: Bool
    /// The value of the `LiveHLS.cookieName` cookie.
    public var cookie: String?
    public var remoteAddress: String
    public var userAgent: String
    /// HEAD is answered alike, but does not make a viewer.
    public var isHead: Bool
    /// The connection sends files without copying them, so what many ask for is better given as one.
    public var wantsFile: Bool

    public init(
        path: LivePath, query: String? = nil, parameters: String? = nil, acceptsGzip: Bool = false, cookie: String? = nil, remoteAddress: String,
        userAgent: String = "",
        isHead: Bool = false, wantsFile: Bool = false
    ) {
        self.path = path
        self.query = query
        self.parameters = parameters
        self.acceptsGzip = acceptsGzip
        self.cookie = cookie
        self.remoteAddress = remoteAddress
        self.userAgent = userAgent
        self.isHead = isHead
        self.wantsFile = wantsFile
    }
}

public enum HLSAnswer: Sendable {
    case now(HLSReply)
    /// It is on its way: a first segment, there within `LiveHLS.Configuration.firstSegmentTimeout` or `.notFound`, or what a blocking reload or an
    /// early request for a hinted part waits for, there within three target durations or `.unavailable`.
    case later(EventLoopFuture<HLSReply>)
}

public enum HLSReply: Sendable {
    /// `newCookie` is to be set by the answer; nil when the viewer has one.
    case playlist(ByteBuffer, isGzipped: Bool, newCookie: String?)
    /// DASH; the same.
    case manifest(ByteBuffer, isGzipped: Bool, newCookie: String?)
    case initSegment(ByteBuffer)
    case segment(HLSBody)
    case notFound
    /// Directives that are malformed, or ask for what is far away (RFC 8216bis §6.2.5.2).
    case badRequest
    /// What was waited for did not come in time (the same).
    case unavailable
    /// A newcomer where the broadcast has all the viewers it may have.
    case viewerLimitReached
}

public enum HLSBody: Sendable {
    case memory(ByteBuffer)
    /// Absolute path; bytes.
    case file(path: String, offset: Int, length: Int)
    /// Not whole yet.
    case growing(GrowingSegment)
}
