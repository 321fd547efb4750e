import HTTP
import Media
import NIOCore
import NIOHTTP1
import Outputs
import Streams
import TestSupport
import Testing

@testable import API

@Suite(.againstHanging) struct DeliveryLiveTests {
    private func publish(_ fixture: DeliveryFixture) throws -> Publisher {
        let source = PublishSource(type: .rtmp, remoteAddress: "192.0.2.1", startedAtMilliseconds: 0, stop: { _ in })
        let publisher = try fixture.streams.publish(StreamKey("demo"), source: source, now: .now()).get()
        publisher.expect(video: true, audio: false)
        publisher.announce(Frames.video)
        for tenth in 0..<80 { publisher.publish(Frames.picture(at: Int64(tenth) * 100, key: tenth % 10 == 0), now: .now()) }
        return publisher
    }

    @Test func playlistsAndSegmentsHaveTheHeadersPlayersAndCachesWant() async throws {
        try await DeliveryFixture.run { fixture in
            let publisher = try self.publish(fixture)
            let playlist = try #require(try await fixture.answer("/live/streams/demo.m3u8"))
            #expect(playlist.status == 200)
            #expect(playlist.header("Content-Type") == "application/vnd.apple.mpegurl")
            #expect(playlist.header("Cache-Control") == "no-cache")
            #expect(playlist.header("Vary") == "Accept-Encoding")
            #expect(playlist.header("Access-Control-Allow-Origin") == "*")
            let cookie = try #require(playlist.header("Set-Cookie"))
            #expect(cookie.hasPrefix("martlet_session=") && cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"))
            let value = String(cookie.split(separator: ";")[0])
            let again = try #require(try await fixture.answer("/live/streams/demo.m3u8", ["Cookie": "other=1; \(value)"]))
            #expect(again.header("Set-Cookie") == nil)
            let uri = try #require(playlist.text.split(separator: "\n").first { $0.hasSuffix(".m4s") })
            let segment = try #require(fixture.ask("/LiveApp/streams/\(uri)"))
            #expect(segment.header("Content-Type") == "video/iso.segment")
            #expect(segment.header("Cache-Control")?.contains("immutable") == true)
            #expect(segment.header("Set-Cookie") == nil)
            #expect((segment.body.length ?? 0) > 100)
            let map = try #require(playlist.text.split(separator: "\n").first { $0.hasPrefix("#EXT-X-MAP:URI=") }).dropFirst(16).dropLast()
            #expect(fixture.ask("/live/streams/\(map)")?.header("Content-Type") == "video/mp4")
            publisher.end(.finished)
        }
    }

    @Test func aPartOfASegmentMayBeAskedFor() async throws {
        try await DeliveryFixture.run { fixture in
            let publisher = try self.publish(fixture)
            let playlist = try #require(try await fixture.answer("/live/streams/demo.m3u8"))
            let uri = try #require(playlist.text.split(separator: "\n").first { $0.hasSuffix(".m4s") })
            let whole = try #require(fixture.ask("/live/streams/\(uri)"))
            let part = try #require(fixture.ask("/live/streams/\(uri)", .get, ["Range": "bytes=4-7"]))
            guard case .buffer(let bytes) = whole.body, case .buffer(let four) = part.body else {
                Issue.record("not from memory")
                return
            }
            #expect(part.status == 206)
            #expect(four == bytes.getSlice(at: bytes.readerIndex + 4, length: 4))
            #expect(fixture.ask("/live/streams/\(uri)", .get, ["Range": "bytes=99999999-"])?.status == 416)
            publisher.end(.finished)
        }
    }

    @Test func gzipIsUsedOnlyWhereItIsAccepted() async throws {
        try await DeliveryFixture.run { fixture in
            let publisher = try self.publish(fixture)
            _ = try await fixture.answer("/live/streams/demo.m3u8")
            for (field, isGzipped) in [("gzip", true), ("deflate, GZIP;q=0.5", true), ("*", true), ("gzip;q=0", false), ("br", false), ("", false)] {
                let response = try #require(try await fixture.answer("/live/streams/demo.m3u8", ["Accept-Encoding": field]))
                // A text as short as this test's may stay as it is; then the header must say so too.
                let isMarked = response.header("Content-Encoding") == "gzip"
                let looksGzipped = response.text.utf8.first == 0x1f
                #expect(isMarked == looksGzipped)
                #expect(!isMarked || isGzipped)
            }
            publisher.end(.finished)
        }
    }

    @Test(arguments: [
        ("token=abc", "token=abc" as String?), ("a=b&token=abc&subscriberId=x", "token=abc&subscriberId=x"), ("a=b", nil), ("token", nil),
        ("token=a\"b", nil), ("token=" + String(repeating: "a", count: 2000), nil), ("token=%22", "token=%22"),
    ])
    func onlyHarmlessTokensAreRepeated(query: String, repeated: String?) {
        #expect(DeliveryResponder.repeatedQuery(query) == repeated)
    }
}
