import Foundation
import Testing

/// From an encoder to players of DASH.
@Suite struct LiveDASHTests {
    private static func path(_ id: String) -> String { "/live/streams/\(id)/\(id).mpd" }

    /// The file of the last segment of the first track.
    private static func newest(_ manifest: String) throws -> String {
        func attribute(_ name: String, _ text: some StringProtocol) -> String? {
            text.firstRange(of: " \(name)=\"").map { String(text[$0.upperBound...].prefix { $0 != "\"" }) }
        }
        let first = try #require(attribute("startNumber", manifest).flatMap { Int($0) })
        let timeline = manifest.prefix(upTo: try #require(manifest.firstRange(of: "</SegmentTimeline>")).lowerBound)
        let runs = timeline.split(separator: "\n").filter { $0.contains("<S ") }
        let count = runs.reduce(0) { $0 + 1 + (attribute("r", $1).flatMap { Int($0) } ?? 0) }
        return try #require(attribute("media", manifest)).replacing("$Number$", with: "\(first + count - 1)")
    }

    @Test func ffmpegDecodesALiveManifestWithoutALostFrame() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let publisher = try await server.publish(as: "demo")
            try await publisher.send(2)
            let copy = try await lab.copy(server.url(Self.path("demo")), seconds: 8)
            let media = try await DecodedMedia.decode(copy.path, in: lab)
            try media.requireEveryPicture(atLeast: 180)
            try media.requireSync(atLeast: 6)
        }
    }

    @Test func aReaderOfAnEndedBroadcastComesToItsEnd() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let publisher = try await server.publish(as: "demo")
            _ = try await server.get(Self.path("demo"))
            try await publisher.send(7)
            try await publisher.stop()
            try await eventually("the manifest is static") { try await server.get(Self.path("demo")).text.contains(" type=\"static\"") }
            let file = lab.path("ended.mkv")
            let copying = try await lab.startCopying(server.url(Self.path("demo")), to: file)
            try #require(try await copying.waitForExit() == .code(0), "\(copying.lastWords)")
            try (try await DecodedMedia.decode(file.path, in: lab)).requireEveryPicture(atLeast: 150)
        }
    }

    /// While it grows a segment comes in pieces; what they make is the segment.
    @Test func aGrowingSegmentComesAsItIsMade() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let publisher = try await server.publish(as: "demo")
            let grown = try await eventually("a segment that grows") { () -> (path: String, body: Data)? in
                let path = "/live/streams/demo/" + (try Self.newest(try await server.get(Self.path("demo")).text))
                let answer = try await server.get(path)
                return answer.status == 200 && answer.headers["transfer-encoding"] == "chunked" ? (path, answer.body) : nil
            }
            let whole = try await server.get(grown.path)
            try #require(whole.headers["transfer-encoding"] == nil && whole.headers["content-length"] == "\(grown.body.count)")
            try #require(whole.body == grown.body)
            try await publisher.stop()
        }
    }

    @Test func thePageReadsSegmentsThatGrow() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let publisher = try await server.publish(as: "demo", loops: true)
            let browser = try await Browser.start(in: lab)
            try await browser.open(server.url("/live/play.html?id=demo&playOrder=dash"))
            try await browser.waitUntil("it plays", "document.documentElement.dataset.state === 'playing' && window.martlet.video.currentTime > 3")
            try #require(try await browser.evaluate("window.martlet.engine.source.isLowLatency").bool == true)
            // Times of what is shown never go back.
            try await browser.evaluate(
                """
                window.shown = { count: 0, back: 0, last: -1 };
                (function look(_, frame) {
                    if (frame) {
                        window.shown.count += 1;
                        if (frame.mediaTime < window.shown.last) window.shown.back += 1;
                        window.shown.last = frame.mediaTime;
                    }
                    window.martlet.video.requestVideoFrameCallback(look);
                })()
                """)
            try await browser.waitUntil("pictures come", "window.shown.count > 60")
            try #require(try await browser.evaluate("window.shown.back").number == 0)
            try await publisher.stop()
            try await browser.waitUntil("it sees the end", "document.documentElement.dataset.state === 'waiting'")
            try #require(try await browser.problems() == [])
        }
    }

    /// A self-signed certificate, which the browser is told to take.
    @Test(arguments: ["ll-hls", "dash"]) func thePagePlaysOverTLSAndHTTP2(technique: String) async throws {
        try await Lab.run { lab in
            let (certificate, key) = (lab.path("certificate.pem").path, lab.path("key.pem").path)
            try await lab.run(
                "openssl",
                [
                    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
                ])
            let server = try await MartletProcess.start(
                in: lab,
                settings: [
                    "MARTLET_HTTPS_CERTIFICATE": certificate, "MARTLET_HTTPS_KEY": key, "MARTLET_HTTPS_PORT": "0", "MARTLET_RTMPS_PORT": "0",
                ])
            let port = try await eventually("HTTPS is offered") {
                try server.log().lazy.compactMap { $0["https"].text.flatMap { Int($0) } }.first { $0 > 0 }
            }
            _ = try await server.publish(as: "demo", loops: true)
            let browser = try await Browser.start(in: lab)
            try await browser.open("https://127.0.0.1:\(port)/live/play.html?id=demo&playOrder=\(technique)")
            try await browser.waitUntil("it plays", "document.documentElement.dataset.state === 'playing' && window.martlet.video.currentTime > 3")
            try await browser.waitUntil("pictures come", "window.martlet.video.getVideoPlaybackQuality().totalVideoFrames > 60")
            try #require(try await browser.evaluate("window.martlet.technique").text == technique)
            let protocols = try await browser.evaluate(
                "[...new Set(performance.getEntriesByType('resource').filter((one) => one.name.includes('/streams/')).map((one) => one.nextHopProtocol))]"
            )
            try #require(protocols.items.compactMap(\.text) == ["h2"], "\(protocols)")
            try #require(try await browser.problems() == [])
        }
    }
}
