public import NIOCore

/// A request for something of a live stream, with what HTTP said about who asks.
public struct HLSRequest: Sendable {
    /// Below `/{app}/streams/`, percent-decoded and free of `..`, e.g. `demo.m3u8` or `shows/demo.m3u8`.
    public var path: String
    /// Tokens of the query that the playlist's own URIs must carry too, still percent-encoded; nil when there are none.
    public var query: String?
    public var acceptsGzip: Bool
    /// The value of the `LiveHLS.cookieName` cookie.
    public var cookie: String?
    public var remoteAddress: String
    public var userAgent: String
    /// HEAD is answered alike, but does not make a viewer.
    public var isHead: Bool

    public init(
        path: String, query: String? = nil, acceptsGzip: Bool = false, cookie: String? = nil, remoteAddress: String, userAgent: String = "",
        isHead: Bool = false
    ) {
        self.path = path
        self.query = query
        self.acceptsGzip = acceptsGzip
        self.cookie = cookie
        self.remoteAddress = remoteAddress
        self.userAgent = userAgent
        self.isHead = isHead
    }
}

public enum HLSAnswer: Sendable {
    case now(HLSReply)
    /// The first segment is on its way; there within `LiveHLS.Configuration.firstSegmentTimeout`, or it is `.notFound`.
    case later(EventLoopFuture<HLSReply>)
}

public enum HLSReply: Sendable {
    /// `newCookie` is to be set by the answer; nil when the viewer has one.
    case playlist(ByteBuffer, isGzipped: Bool, newCookie: String?)
    case initSegment(ByteBuffer)
    case segment(HLSBody)
    case notFound
    /// A newcomer where the broadcast has all the viewers it may have.
    case viewerLimitReached
}

public enum HLSBody: Sendable {
    case memory(ByteBuffer)
    /// Absolute path, bytes.
    case file(path: String, length: Int)
}
