import HTTP
import Media
import NIOCore
import NIOHTTP1
import Outputs
import Streams
import TestSupport
import Testing

@testable import API

@Suite(.againstHanging) struct DeliveryLowLatencyTests {
    private func publish(_ fixture: DeliveryFixture) throws -> Publisher { try fixture.publish("demo") }

    private func uris(_ text: String, after tag: String) -> [String] {
        text.split(separator: "\n").filter { $0.hasPrefix(tag) }.compactMap { line in
            line.firstRange(of: "URI=\"").map { String(line[$0.upperBound...].prefix { $0 != "\"" }) }
        }
    }

    @Test func theLowLatencyMasterLeadsToPlaylistPartsAndHintedPart() async throws {
        try await DeliveryFixture.run { fixture in
            let publisher = try self.publish(fixture)
            let folder = "/live/streams/ll-hls/demo/"
            let master = try #require(try await fixture.answer(folder + "demo__master.m3u8"))
            #expect(master.status == 200 && master.header("Content-Type") == "application/vnd.apple.mpegurl")
            let media = try #require(master.text.split(separator: "\n").last)
            let playlist = try #require(try await fixture.answer(folder + media))
            #expect(playlist.text.contains("CAN-BLOCK-RELOAD=YES") && playlist.header("Cache-Control") == "no-cache")
            for uri in self.uris(playlist.text, after: "#EXT-X-PART:") + self.uris(playlist.text, after: "#EXT-X-MAP:") {
                let piece = try #require(fixture.ask(folder + uri))
                #expect(piece.status == 200 && (piece.body.length ?? 0) > 100, "\(uri)")
                #expect(piece.header("Cache-Control")?.contains("immutable") == true)
            }
            let hint = try #require(self.uris(playlist.text, after: "#EXT-X-PRELOAD-HINT:").first)
            guard case .later(let early)? = fixture.responder.respond(to: ReadyRequest(method: .get, target: folder + hint), on: fixture.loop) else {
                Issue.record("the hinted part is not waited for")
                return
            }
            for tenth in 88..<94 { publisher.publish(Frames.picture(at: Int64(tenth) * 100, key: tenth % 10 == 0), now: .now()) }
            #expect(try await early.get().status == 200)
            publisher.end(.finished)
        }
    }

    @Test(arguments: [
        ("?_HLS_part=1", 400), ("?_HLS_msn=abc", 400), ("?_HLS_msn=4000", 400), ("?_HLS_msn=0", 200), ("?_HLS_skip=YES", 200), ("?start=x", 400),
        ("?start=5&end=4", 400), ("?start=5&end=6", 404), ("?dvr", 200), ("?end=99999999999", 200),
    ])
    func directivesAreAnsweredWithWhatTheySay(query: String, status: Int) async throws {
        try await DeliveryFixture.run { fixture in
            let publisher = try self.publish(fixture)
            _ = try await fixture.answer("/live/streams/demo.m3u8")
            for path in ["/live/streams/demo.m3u8", "/live/streams/ll-hls/demo/demo.m3u8"] {
                let response = try #require(try await fixture.answer(path + query))
                #expect(response.status == status, "\(path)\(query)")
                #expect(response.header("Access-Control-Allow-Origin") == "*")
            }
            publisher.end(.finished)
        }
    }

    @Test func theManifestLeadsToTracksOfTheSameSegments() async throws {
        try await DeliveryFixture.run { fixture in
            let publisher = try self.publish(fixture)
            let manifest = try #require(try await fixture.answer("/live/streams/demo/demo.mpd"))
            #expect(manifest.status == 200 && manifest.header("Content-Type") == "application/dash+xml")
            #expect(manifest.header("Set-Cookie") != nil)
            func attribute(_ name: String) throws -> String {
                let range = try #require(manifest.text.firstRange(of: name + "=\""))
                return String(manifest.text[range.upperBound...].prefix { $0 != "\"" })
            }
            let first = try attribute("startNumber")
            let start = try #require(fixture.ask("/live/streams/demo/" + attribute("initialization")))
            #expect(start.status == 200 && start.header("Content-Type") == "video/mp4")
            let media = try attribute("media").replacing("$Number$", with: first)
            let segment = try #require(fixture.ask("/live/streams/demo/" + media))
            #expect(segment.status == 200 && segment.header("Content-Type") == "video/iso.segment" && (segment.body.length ?? 0) > 100)
            // Pieces of DASH are found beside the manifest only.
            #expect(fixture.ask("/live/streams/" + media)?.status == 404)
            #expect(fixture.ask("/live/streams/demo/" + media.replacing("-t1.", with: "-t01."))?.status == 404)
            // The fixture's two ways to ask come from two addresses.
            #expect(fixture.hls.dashViewerCount("demo") == 2 && fixture.hls.viewerCount("demo") == 0)
            publisher.end(.finished)
        }
    }

    @Test func theTimeIsServedBesideTheStreams() async throws {
        try await DeliveryFixture.run { fixture in
            let response = try #require(fixture.ask("/live/time"))
            #expect(response.status == 200 && response.header("Cache-Control") == "no-store")
            let text = Array(response.text.utf8)
            #expect(text.count == 24 && text[10] == UInt8(ascii: "T") && text[23] == UInt8(ascii: "Z"))
            #expect(fixture.ask("/live/time", .other("POST"))?.status == 405)
            #expect(fixture.ask("/other/time") == nil)
            #expect(fixture.ask("/time") == nil)
        }
        #expect(WallTime.text(milliseconds: 1_709_251_199_007) == "2024-02-29T23:59:59.007Z")
        #expect(WallTime.text(milliseconds: -1) == "1970-01-01T00:00:00.000Z")
    }

    @Test(arguments: [
        ("demo.m3u8", ["demo"]), ("a/b.m3u8", ["b"]), ("demo_adaptive.m3u8", ["demo_adaptive", "demo"]), ("demo/demo.mpd", ["demo"]),
        ("demo/other.mpd", []), ("demo.mpd", []), ("x/demo/demo.mpd", []), (".mpd", []), ("ll-hls/demo/demo.m3u8", ["demo"]),
        ("ll-hls/demo/demo__master.m3u8", ["demo"]), ("ll-hls/demo/other.m3u8", []), ("demo.m4s", []),
    ])
    func aPathTellsWhoseFirstViewerAsks(path: String, ids: [String]) {
        #expect(DeliveryResponder.broadcasts(ofPlaylist: path) == ids)
    }
}
