import Foundation
import Glibc
import Testing

/// RFC 8216bis §6.2.5.2: a playlist that is asked for before it is there.
@Suite struct BlockedReloadTests {
    private static let count = 1_000
    private static let path = "/live/streams/ll-hls/demo/demo.m3u8"

    @Test func aThousandBlockedReloadsTakeNoThreadAndAreAllAnsweredWithTheNextPart() async throws {
        try await Lab.run { lab in
            try OpenFiles.raise(to: 2 * Self.count)
            // Blocked requests are given up after three target durations, and a publisher that is held up after its idle timeout: opening a thousand
            // connections may take longer than the default.
            let server = try await MartletProcess.start(
                in: lab,
                settings: ["MARTLET_HLS_SEGMENT_DURATION": "10s", "MARTLET_HLS_MODE": "always", "MARTLET_RTMP_IDLE_TIMEOUT": "5m"])
            let publisher = try await server.publish(.plain, as: "demo")
            // Everything that runs at all has run once.
            try await eventually("parts are listed") { try await server.get(Self.path).text.contains("#EXT-X-PART:") }
            let hint = try await self.standStill(publisher, server)
            try await self.warmUp(server)
            let before = try self.threads(of: server)

            let request = "GET \(Self.path)?_HLS_msn=\(hint.segment)&_HLS_part=\(hint.part) HTTP/1.1\r\nHost: localhost\r\n\r\n"
            let connections = try (0..<Self.count).map { _ in try HeldConnection(to: server.http, saying: Array(request.utf8)) }
            try await eventually("all are blocked") { try await server.metric("hls_blocked_requests") == Double(Self.count) }
            let during = try self.threads(of: server)
            // A thread or two of the runtime's pool come and go as they like.
            try #require(during <= before + 4, "\(before) threads, and \(during) with \(Self.count) blocked requests")
            for connection in connections { try #require(connection.heard() == [], "answered before there is a part") }

            publisher.child.send(SIGCONT)
            var texts = [String](repeating: "", count: Self.count)
            try await eventually("all are answered") {
                for (index, connection) in connections.enumerated() where !Self.isWhole(texts[index]) {
                    texts[index] += String(decoding: try #require(connection.heard(), "closed without an answer"), as: UTF8.self)
                }
                return texts.allSatisfy { Self.isWhole($0) }
            }
            for text in texts {
                try #require(text.hasPrefix("HTTP/1.1 200 "), "\(text.prefix(200))")
                try #require(text.contains("-\(hint.segment).\(hint.part).m4s\""), "without the part that was waited for")
            }
            try #require(try await server.metric("hls_blocked_requests") == 0)
        }
    }

    /// As many requests that are answered at once: the runtime has as many threads then as it wants for them.
    private func warmUp(_ server: MartletProcess) async throws {
        let request = "GET \(Self.path) HTTP/1.1\r\nHost: localhost\r\n\r\n"
        let connections = try (0..<Self.count).map { _ in try HeldConnection(to: server.http, saying: Array(request.utf8)) }
        var texts = [String](repeating: "", count: Self.count)
        try await eventually("all are answered") {
            for (index, connection) in connections.enumerated() where !Self.isWhole(texts[index]) {
                texts[index] += String(decoding: try #require(connection.heard(), "closed without an answer"), as: UTF8.self)
            }
            return texts.allSatisfy { Self.isWhole($0) }
        }
    }

    /// Holds the publisher up and tells which part is the next one that cannot come.
    private func standStill(_ publisher: Publisher, _ server: MartletProcess) async throws -> (segment: Int, part: Int) {
        _ = try await server.standStill(publisher, of: "demo")
        // What has come makes a part half a second later at most, on a machine with time for it.
        var last = ""
        var sameLooks = 0
        let text = try await eventually("nothing comes any more", every: .milliseconds(300)) { () -> String? in
            let text = try await server.get(Self.path).text
            sameLooks = text == last ? sameLooks + 1 : 0
            last = text
            return sameLooks >= 7 ? text : nil
        }
        let hint = try #require(text.firstMatch(of: #/#EXT-X-PRELOAD-HINT:.*-([0-9]+)\.([0-9]+)\.m4s"/#), "\(text)")
        return (try #require(Int(hint.1)), try #require(Int(hint.2)))
    }

    private func threads(of server: MartletProcess) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(server.child.pid)/task").count
    }

    /// Head and as much of a body as the head says.
    private static func isWhole(_ text: String) -> Bool {
        guard let end = text.firstRange(of: "\r\n\r\n"), let length = text.lowercased().firstMatch(of: #/content-length: *([0-9]+)/#) else {
            return false
        }
        return text[end.upperBound...].utf8.count == Int(length.1)
    }
}

/// Each connection of a test is an open file of this process.
private enum OpenFiles {
    static func raise(to wanted: Int) throws {
        var limit = rlimit()
        try #require(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
        guard limit.rlim_cur < rlim_t(wanted) else { return }
        try #require(limit.rlim_max >= rlim_t(wanted), "this test needs \(wanted) open files; the system allows \(limit.rlim_max)")
        limit.rlim_cur = rlim_t(wanted)
        try #require(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
    }
}
