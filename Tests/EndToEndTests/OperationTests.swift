import Foundation
import Testing

/// What an operator relies on: settings, data, access, metrics.
@Suite struct OperationTests {
    /// Field notes, row 35.
    @Test func whatWasMadeThroughTheAPIIsThereAfterARestart() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let body = #"{"streamId":"demo","name":"Früh","description":"first","latitude":"1.5","metaData":"{\"a\":1}","plannedEndDate":99}"#
            try #require(try await server.call("POST", "/v2/broadcasts/create", body: body).status == 200)
            let changed = try await server.call("PUT", "/v2/broadcasts/demo", body: #"{"name":"Spät","status":"broadcasting","hlsViewerCount":7}"#)
            try #require(try changed.json()["success"].bool == true)
            let generated = try await server.call("POST", "/v2/broadcasts/create", body: #"{"type":"playlist"}"#).json()
            let id = try #require(generated["streamId"].text)
            let before = try await server.broadcast("demo")
            try #require(before["name"].text == "Spät" && before["status"].text == "created" && before["hlsViewerCount"].number == 0)

            try await server.stop()
            let next = try await server.restarted()
            let after = try await next.broadcast("demo")
            for member in ["name", "description", "latitude", "metaData", "plannedEndDate", "status", "date", "type", "mp4Enabled"] {
                try #require(after[member] == before[member] && before[member] != .null, "\(member)")
            }
            try #require(try await next.broadcast(id)["type"].text == "playlist")
            let list = try await next.get("/live/rest/v2/broadcasts/list/0/10").json().items.compactMap { $0["streamId"].text }
            try #require(list == ["demo", id])
        }
    }

    @Test func aWrongKeyInTheFileStopsTheStartAndIsTold() async throws {
        try await Lab.run { lab in
            let file = lab.path("martlet.yaml")
            try Data("http:\n  port: 0\nrtmp:\n  prot: 1936\n".utf8).write(to: file)
            let child = try await MartletProcess.spawn(in: lab, data: lab.path("data"), arguments: ["--config", file.path])
            guard case .code(let code) = try await child.waitForExit(), code != 0 else {
                Issue.record("it started")
                return
            }
            let words = try child.errors()
            try #require(words.contains("rtmp.prot") && words.contains("rtmp.port") && words.contains("martlet.yaml:4"), "\(words)")
            try #require(!FileManager.default.fileExists(atPath: lab.path("data").path), "nothing was touched")
        }
    }

    @Test func twoServersDoNotShareADataDirectory() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let second = try await MartletProcess.spawn(in: lab, data: server.data)
            try #require(try await second.waitForExit() == .code(1))
            try #require(try second.errors().contains("is used by another Martlet"), "\(second.lastWords)")
            try #require(try await server.get("/readyz").status == 200)
            // The lock goes with the process, however that ends.
            try await server.kill()
            let next = try await server.restarted()
            try #require(try await next.get("/readyz").status == 200)
        }
    }

    @Test func theAPIIsClosedToStrangersWhileMediaAndHealthAreOpen() async throws {
        try await Lab.run { lab in
            let token = "a-long-and-secret-token"
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_API_ALLOW": "10.0.0.0/8", "MARTLET_API_TOKEN": token])
            let publisher = try await Publisher.start(to: server.rtmpURL("demo"), in: lab)
            try await eventually("the playlist is there") { try await server.get("/live/streams/demo.m3u8").status == 200 }
            for path in ["/healthz", "/liveness", "/readyz"] { try #require(try await server.get(path).status == 200, "\(path)") }
            for prefix in ["", "/rest", "/live/rest", "/LiveApp/rest"] {
                let path = "\(prefix)/v2/broadcasts/list/0/10"
                try #require(try await server.get(path).status == 403, "\(path)")
                try #require(try await server.get(path, headers: ["Authorization: Bearer wrong"]).status == 403)
                // Whoever is not a trusted proxy cannot say where it comes from.
                try #require(try await server.get(path, headers: ["X-Forwarded-For: 10.1.2.3"]).status == 403)
                let answer = try await server.get(path, headers: ["Authorization: Bearer \(token)"])
                try #require(try answer.status == 200 && answer.json()[0]["streamId"].text == "demo")
            }
            try #require(try await server.call("DELETE", "/v2/broadcasts/demo").status == 403)
            try #require(publisher.child.exit == nil)
            try #require(try !server.child.errors().contains(token), "the log has the token")
        }
    }

    @Test func theMetricsAreAPageThatPrometheusReads() async throws {
        try await Lab.run { lab in
            let dead = try freePort()
            let server = try await MartletProcess.start(in: lab)
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo"}"#)
            try await server.call("POST", "/v2/broadcasts/demo/endpoint", body: #"{"endpointUrl":"rtmp://127.0.0.1:\#(dead)/live/x"}"#)
            let publisher = try await server.publish(as: "demo")
            try await publisher.send(2)
            let page = try await eventually("the destination counts") {
                let page = try await server.get("/metrics")
                return page.text.contains("martlet_destinations{") ? page : nil
            }
            try #require(page.headers["content-type"]?.hasPrefix("text/plain; version=0.0.4") == true)
            var described: Set<String> = []
            let label = #"[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\.)*""#
            let sample = try Regex("martlet_[a-z0-9_]+(?:\\{\(label)(?:,\(label))*\\})? (?:-?[0-9.e+-]+|NaN|[+-]Inf)")
            let type = #/# TYPE (martlet_[a-z0-9_]+) (counter|gauge|histogram)/#
            var names: Set<String> = []
            for line in page.text.split(separator: "\n") where !line.hasPrefix("# HELP martlet_") {
                if let match = line.wholeMatch(of: type) {
                    try #require(described.insert(String(match.1)).inserted, "\(match.1) is described twice")
                } else {
                    try #require(line.wholeMatch(of: sample) != nil, "\(line)")
                    names.insert(String(line.prefix { $0 != "{" && $0 != " " }))
                }
            }
            let list = try String(contentsOf: try MartletProcess.repository().appending(path: "docs/metrics.md"), encoding: .utf8)
            for name in described { try #require(list.contains("\n| `\(name.dropFirst(8))` | "), "docs/metrics.md does not have \(name)") }
            let listed = list.matches(of: #/\n\| `([a-z0-9_]+)` \|/#).map { "martlet_\($0.output.1)" }
            // Without a value now.
            let absent: Set<String> = [
                "martlet_keyframe_interval_seconds", "martlet_events_total", "martlet_destinations", "martlet_srt_refused_total",
                "martlet_srt_round_trip_seconds",
            ]
            try #require(Set(listed).subtracting(described).subtracting(absent) == [], "docs/metrics.md has what is not there")
            for name in names {
                let family = described.contains(name) ? name : name.replacing(#/_(bucket|sum|count)$/#, with: "")
                try #require(described.contains(family), "\(name) has no type")
            }
            for name in [
                "build_info", "streams", "destinations", "destination_reconnects_total", "ingest_bytes_total", "frames_dropped_total",
                "keyframe_interval_seconds", "recording_bytes_total", "disk_free_bytes", "event_loop_lag_seconds_bucket", "viewers",
                "hls_blocked_requests", "tls_handshakes_total", "http2_streams_total",
            ] {
                try #require(names.contains("martlet_\(name)"), "\(name)")
            }
            try #require(page.text.contains("martlet_streams{status=\"broadcasting\"} 1\n"))
            try #require(try await server.metric("ingest_bytes_total") > 1000)
        }
    }
}
