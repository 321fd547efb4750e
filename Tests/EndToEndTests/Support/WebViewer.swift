import Testing

/// Somebody who watches over HTTP: known by its user agent, and by its cookie if it keeps what it is given.
struct WebViewer {
    let name: String
    private let keepsCookies: Bool
    private var cookie: String?

    init(_ name: String, keepsCookies: Bool) {
        self.name = name
        self.keepsCookies = keepsCookies
    }

    mutating func ask(_ path: String, of server: MartletProcess) async throws -> HTTPAnswer {
        let answer = try await server.get(path, headers: ["User-Agent: \(self.name)"] + (self.cookie.map { ["Cookie: \($0)"] } ?? []))
        if self.keepsCookies, let given = answer.headers["set-cookie"] { self.cookie = String(given.prefix { $0 != ";" }) }
        return answer
    }

    /// Watches, as it may or not.
    mutating func watch(_ path: String, of server: MartletProcess, expecting status: Int = 200) async throws {
        let answer = try await self.ask(path, of: server)
        try #require(answer.status == status, "\(self.name): \(answer.status) \(answer.text.prefix(200))")
        if status == 403 { try #require(answer.text == "Viewer Limit Reached\n") }
    }
}

/// How many watch a broadcast, as each place tells it that does.
struct ViewerNumbers: Equatable {
    var hls: Int
    var dash: Int
    var rtmp: Int
}

extension MartletProcess {
    /// The numbers of the only broadcast that is watched, when all four places agree on them; nil while they do not.
    func agreedViewers(of id: String) async throws -> ViewerNumbers? {
        func whole(_ json: JSON) throws -> Int { Int(try #require(json.number)) }
        let broadcast = try await self.broadcast(id)
        let statistics = try await self.get("/v2/broadcasts/\(id)/broadcast-statistics").json()
        let totals = try await self.get("/v2/broadcasts/total-broadcast-statistics").json()
        let metrics = try await self.get("/metrics").text
        func metric(_ proto: String) throws -> Int {
            let line = try #require(metrics.split(separator: "\n").first { $0.hasPrefix("martlet_viewers{proto=\"\(proto)\"} ") })
            return try #require(line.split(separator: " ").last.flatMap { Int($0) })
        }
        let places = [
            ViewerNumbers(
                hls: try whole(broadcast["hlsViewerCount"]), dash: try whole(broadcast["dashViewerCount"]),
                rtmp: try whole(broadcast["rtmpViewerCount"])),
            ViewerNumbers(
                hls: try whole(statistics["totalHLSWatchersCount"]), dash: try whole(statistics["totalDASHWatchersCount"]),
                rtmp: try whole(statistics["totalRTMPWatchersCount"])),
            ViewerNumbers(hls: try metric("hls"), dash: try metric("dash"), rtmp: try metric("rtmp")),
            // Of RTMP this one never tells, by contract.
            ViewerNumbers(
                hls: try whole(totals["totalHLSWatchersCount"]), dash: try whole(totals["totalDASHWatchersCount"]), rtmp: try metric("rtmp")),
        ]
        try #require(totals["totalRTMPWatchersCount"].number == -1)
        guard places.allSatisfy({ $0 == places[0] }) else { return nil }
        try #require(broadcast["anyoneWatching"].bool == (places[0] != ViewerNumbers(hls: 0, dash: 0, rtmp: 0)))
        return places[0]
    }
}
