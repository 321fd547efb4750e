import HTTPTypes

/// `/version` (contract 1.24).
struct VersionRoutes: Sendable {
    let version: String
    let buildNumber: String

    var routes: [APIRoute] {
        [
            APIRoute(.get, "/version") { _ in
                APIReply(.ok, VersionDTO(versionName: self.version, buildNumber: self.buildNumber))
            }
        ]
    }
}
