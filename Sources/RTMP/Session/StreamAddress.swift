/// Path and parameters of a `publish` or `play`, gathered from the places clients put them: the stream name, the application, the tcUrl.
struct StreamAddress: Sendable, Equatable {
    static let longestID = 256
    static let longestText = 8 << 10
    static let mostParameters = 64

    var path: StreamPath
    var parameters: [QueryParameter]

    /// nil when something is longer than any real client sends. Parameters of the stream name come first and so win; those of the tcUrl are
    /// left out where the application has said the same.
    init?(app: String, tcURL: String, name: String) {
        guard app.utf8.count + tcURL.utf8.count + name.utf8.count <= Self.longestText else { return nil }
        let (appPath, appQuery) = Self.cut(app[...])
        let (key, nameQuery) = Self.cut(name[...])
        self.path = StreamPath(app: appPath, key: key)
        self.parameters = QueryParameter.parse(nameQuery)
        for parameter in QueryParameter.parse(appQuery) + QueryParameter.parse(Self.cut(tcURL[...]).query)
        where !self.parameters.contains(parameter) { self.parameters.append(parameter) }
        guard self.path.id.utf8.count <= Self.longestID, self.parameters.count <= Self.mostParameters else { return nil }
    }

    private static func cut(_ text: Substring) -> (path: Substring, query: Substring) {
        let parts = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        return (parts.first ?? "", parts.count > 1 ? parts[1] : "")
    }
}
