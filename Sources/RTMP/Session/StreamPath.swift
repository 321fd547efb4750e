/// Where a client publishes to or plays from, taken apart: `rtmp://host/{app}/{id}/{rest…}`, all percent-decoded and otherwise unchecked.
public struct StreamPath: Sendable, Hashable {
    /// May be empty and may have several segments, joined by `/`.
    public var app: String
    /// The first segment after the application; empty when the client sent none.
    public var id: String
    /// What follows the id: `[token]`, or `[token, subscriberId, subscriberCode]`.
    public var rest: [String]

    public init(app: String, id: String, rest: [String] = []) {
        self.app = app
        self.id = id
        self.rest = rest
    }

    /// Clients cut one URL in different places: of `rtmp://host/live/demo/secret` ffmpeg says application `live/demo`, key `secret`, and OBS what
    /// its user typed. This is the same path cut behind the longest of the applications that exist; unchanged when none of them leads it.
    public func under(_ apps: some Sequence<String>) -> StreamPath {
        let segments = Self.segments(self.app) + [self.id].filter { !$0.isEmpty } + self.rest
        let longest = apps.map(Self.segments).filter { !$0.isEmpty && segments.starts(with: $0) }.max { $0.count < $1.count }
        guard let longest else { return self }
        return StreamPath(longest, segments.dropFirst(longest.count))
    }

    /// An empty key with several application segments is a whole path typed into the server field: its last segment is the id.
    init(app: Substring, key: Substring) {
        var apps = Self.pieces(app)
        var keys = Self.pieces(key)
        if keys.isEmpty, apps.count > 1 { keys = [apps.removeLast()] }
        self.init(apps, keys[...])
    }

    private init(_ apps: [String], _ keys: ArraySlice<String>) {
        self.app = apps.joined(separator: "/")
        self.id = keys.first ?? ""
        self.rest = Array(keys.dropFirst())
    }

    /// Empty segments (`live//key`, a slash at the end) are nobody's intention.
    private static func pieces(_ text: Substring) -> [String] { text.split(separator: "/").map(PercentCoding.decode) }
    private static func segments(_ app: String) -> [String] { app.split(separator: "/").map(String.init) }
}
