import Foundation
import Testing

/// What wrong requests get from the server as it is started; docs/bad-input.md has the whole list.
@Suite struct BadRequestTests {
    private struct Wrong {
        let request: String
        let status: Int

        init(_ request: String, _ status: Int) {
            self.request = request
            self.status = status
        }

        static func get(_ target: String, _ status: Int) -> Wrong { Wrong("GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n", status) }
    }

    @Test func pathsDirectivesMethodsAndSizesAreAnsweredAsTheyShould() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let publisher = try await server.publish(as: "demo")
            try await eventually("the playlist is there") { try await server.get("/live/streams/demo.m3u8").status == 200 }
            let long = String(repeating: "a", count: 2_000)
            var wrong: [Wrong] = [
                "nobody.m3u8", "nobody_adaptive.m3u8", "nobody/nobody.mpd", "ll-hls/nobody/nobody.m3u8", "nobody-x-0.m4s", "", ".", "..",
                "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/martlet.sqlite", "%2E%2E%2Fmartlet.sqlite", "..%5c..%5cmartlet.sqlite",
                "demo.m3u8%00", "%00", "demo%2em3u8%00.mp4", "demo.m3u8%", "demo.m3u8%zz", "%ff%fe.mp4", "//demo.m3u8", "\(long).m3u8", "\(long)",
                "\(long)/\(long)",
            ].map { .get("/live/streams/\($0)", 404) }
            wrong += ["/../martlet.sqlite", "/live/../martlet.sqlite", "/nobody/streams/demo.m3u8"].map { .get($0, 404) }
            for playlist in ["demo.m3u8", "ll-hls/demo/demo.m3u8"] {
                wrong += [
                    "_HLS_part=0", "_HLS_msn=", "_HLS_msn=x", "_HLS_msn=-1", "_HLS_msn=1.5", "_HLS_msn=99999999", "_HLS_msn=99999999999999999999",
                    "_HLS_msn=1&_HLS_part=x", "_HLS_msn=1&_HLS_msn=2", "start=x", "start=9&end=3",
                ].map { .get("/live/streams/\(playlist)?\($0)", 400) }
            }
            for method in ["POST", "PUT", "DELETE", "PATCH"] {
                for path in ["/live/streams/demo.m3u8", "/live/streams/demo/demo.mpd", "/", "/healthz", "/live/time", "/v2/version"] {
                    wrong.append(Wrong("\(method) \(path) HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405))
                }
            }
            wrong += [
                Wrong("GET /live/streams/demo.m3u8 HTTP/1.1\r\nHost: x\r\nX-Long: \(String(repeating: "b", count: 20_000))\r\n\r\n", 431),
                Wrong("GET /v2/version HTTP/1.1\r\nHost: x\r\n\((0..<200).map { "X-\($0): 1\r\n" }.joined())\r\n", 431),
                .get("/live/streams/" + String(repeating: "c", count: 10_000), 414),
                Wrong("POST /v2/broadcasts/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2000000\r\n\r\n", 413),
                Wrong("GET /live/streams/demo.m3u8 HTTP/1.1\r\n\r\n", 400), Wrong("nonsense\r\n\r\n", 400),
            ]
            for one in wrong {
                let connection = try HeldConnection(to: server.http, saying: Array(one.request.utf8))
                var heard = ""
                let words = one.request.prefix(100)
                try await eventually("an answer to \(words)", every: .milliseconds(10)) {
                    heard += String(decoding: try #require(connection.heard(), "\(words): closed without an answer"), as: UTF8.self)
                    return heard.contains("\r\n")
                }
                try #require(heard.hasPrefix("HTTP/1.1 \(one.status) "), "\(words): \(heard.prefix(40))")
            }
            try #require(publisher.child.exit == nil)
            try #require(try await server.get("/live/streams/demo.m3u8").status == 200)
        }
    }

    /// What they cost depends on the machine, and is not looked at here.
    @Test func tenThousandRequestsForAnUnknownStreamNeverReachTheRouter() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            for path in ["nobody.m3u8", "nobody/nobody.mpd"] {
                let before = try await server.metric("http_requests_total")
                let routed = try await self.routed(server)
                let url = server.url("/live/streams/\(path)")
                let output = try await lab.run("h2load", ["h2load", "--h1", "-n", "10000", "-c", "50", "-t", "1", url], within: .seconds(120)).output
                try #require(output.contains("status codes: 0 2xx, 0 3xx, 10000 4xx, 0 5xx"), "\(output)")
                try #require(try await server.metric("http_requests_total") >= before + 10_000)
                try #require(try await self.routed(server) == routed)
            }
        }
    }

    private func routed(_ server: MartletProcess) async throws -> Substring {
        let line = try await server.get("/metrics").text.split(separator: "\n").first { $0.hasPrefix("martlet_http_requests_total{path=\"routed\"}") }
        return try #require(line)
    }
}
