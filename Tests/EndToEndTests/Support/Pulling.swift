import Foundation
import Testing

/// What the tests of pulled sources ask of a server.
extension MartletProcess {
    /// A server that may fetch from this host, and does not wait long.
    static func startForPulls(
        in lab: Lab, data: URL? = nil, settings: [String: String] = [:], wrapper: [String] = []
    ) async throws -> MartletProcess {
        let quick = [
            "MARTLET_SOURCES_ALLOW_LOCAL_ADDRESSES": "true", "MARTLET_SOURCES_RETRY_DELAY": "500ms", "MARTLET_SOURCES_LONGEST_RETRY_DELAY": "2s",
        ]
        return try await Self.start(in: lab, data: data, settings: quick.merging(settings) { _, given in given }, wrapper: wrapper)
    }

    func restartedForPulls(settings: [String: String] = [:]) async throws -> MartletProcess {
        try await Self.startForPulls(in: self.lab, data: self.data, settings: settings)
    }

    /// Creates a broadcast of these members; values of texts.
    func create(_ id: String, _ type: String, _ members: [String: String] = [:], more: String = "") async throws {
        var texts = members
        texts["streamId"] = id
        texts["type"] = type
        let body = try String(decoding: JSONEncoder().encode(texts), as: UTF8.self).dropLast() + more + "}"
        let answer = try await self.call("POST", "/v2/broadcasts/create", body: String(body))
        try #require(answer.status == 200, "\(answer.text)")
    }

    /// Creates a playlist of films.
    func createPlaylist(_ id: String, _ urls: [String], loops: Bool, more: String = "") async throws {
        let items = urls.map { #"{"streamUrl":"\#($0)","type":"VoD"}"# }.joined(separator: ",")
        try await self.create(id, "playlist", more: #","playlistLoopEnabled":\#(loops),"playListItemList":[\#(items)]"# + more)
    }

    func startPull(_ id: String) async throws {
        let answer = try await self.call("POST", "/v2/broadcasts/\(id)/start")
        try #require(try answer.json()["success"].bool == true, "\(answer.text)")
    }

    func stopPull(_ id: String) async throws {
        let answer = try await self.call("POST", "/v2/broadcasts/\(id)/stop")
        try #require(try answer.json()["success"].bool == true, "\(answer.text)")
    }

    /// Creates a live source, starts it and waits until it is live.
    func pull(_ url: String, as id: String) async throws {
        try await self.create(id, "streamSource", ["streamUrl": url])
        try await self.startPull(id)
        try await self.waitUntilLive(id)
    }

    func waitUntilLive(_ id: String, within limit: Duration = .seconds(120)) async throws {
        try await eventually("\(id) is live", within: limit) {
            let status = try await self.broadcast(id)["status"].text
            guard status != "broadcasting" else { return true }
            let error = try await self.get("/v2/broadcasts/\(id)/ip-camera-error").text
            throw NotLive(status: status ?? "", error: error)
        }
    }

    struct NotLive: Error {
        let status: String
        let error: String
    }

    /// Why the newest try failed, when one has.
    func pullError(_ id: String, within limit: Duration = .seconds(120)) async throws -> String {
        try await eventually("\(id) tells its error", within: limit) {
            let answer = try await self.get("/v2/broadcasts/\(id)/ip-camera-error").json()
            let words = answer["message"].text ?? ""
            return answer["success"].bool == false && !words.hasPrefix("Camera is not found") ? words : nil
        }
    }

    /// What the media playlist lists, downloaded: one file for each init segment, in order.
    func download(_ id: String) async throws -> [URL] {
        var parts: [[String]] = []
        for line in try await self.get("/live/streams/\(id).m3u8").text.split(separator: "\n") {
            if line.hasPrefix("#EXT-X-MAP:") {
                let name = try #require(line.split(separator: "\"").dropFirst().first)
                parts.append([self.url("/live/streams/\(name)")])
            } else if !line.hasPrefix("#") {
                try #require(!parts.isEmpty, "a segment comes before its init segment")
                parts[parts.count - 1].append(self.url("/live/streams/\(line)"))
            }
        }
        var files: [URL] = []
        for part in parts {
            let child = try await self.lab.start("curl-part", ["curl", "-sS", "--fail"] + part)
            let exit = try await child.waitForExit()
            try #require(exit == .code(0), "\(child.lastWords)")
            files.append(child.outputFile)
        }
        return files
    }
}

/// Gives the thread back until so much time has passed: for peers who are silent for as long as a test says.
func silence(_ length: Duration, isolation: isolated (any Actor)? = #isolation, _ look: () async throws -> Void = {}) async throws {
    let clock = ContinuousClock()
    let end = clock.now + length
    try await eventually("\(length) have passed", within: length + .seconds(120), every: .milliseconds(500)) {
        try await look()
        return clock.now >= end
    }
}

/// How long something took.
func seconds(isolation: isolated (any Actor)? = #isolation, of work: () async throws -> Void) async throws -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    try await work()
    let (whole, atto) = (clock.now - start).components
    return Double(whole) + Double(atto) / 1e18
}

/// A Result of the API, byte by byte.
func result(_ success: Bool, _ message: String? = "", dataID: String? = "", errorID: Int = 0) -> String {
    func quoted(_ text: String?) -> String { text.map { "\"\($0)\"" } ?? "null" }
    return "{\"success\":\(success),\"message\":\(quoted(message)),\"dataId\":\(quoted(dataID)),\"errorId\":\(errorID)}"
}
