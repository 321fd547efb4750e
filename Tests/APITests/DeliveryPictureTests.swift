import HTTP
import NIOCore
import NIOHTTP1
import Streams
import Testing

@testable import API

/// `/{app}/previews/…`. What the pictures look like is shown end to end; here it is which request gets what.
@Suite struct DeliveryPictureTests {
    @Test(arguments: [
        ("/live/previews/demo_finished.png", "image/png"), ("/LiveApp/previews/demo_finished.png?t=1", "image/png"),
        ("/live/previews/gone.webp", "image/webp"), ("/live/previews/abcdefgh12345678-0.jpg", "image/jpeg"),
    ]) func picturesThatAreFilesAreSentAsFiles(target: String, type: String) async throws {
        try await DeliveryFixture.run { fixture in
            let response = try #require(fixture.ask(target))
            #expect(response.status == 200 && response.part == [0, 1000])
            #expect(response.header("Content-Type") == type)
            #expect(response.header("Cache-Control") == "max-age=10")
            #expect(response.header("Access-Control-Allow-Origin") == "*")
            let tag = try #require(response.header("ETag"))
            #expect(fixture.ask(target, .get, ["If-None-Match": tag])?.status == 304)
            #expect(fixture.ask(target, .head)?.status == 200)
            #expect(fixture.ask(target, .options)?.status == 204)
            #expect(fixture.ask(target, .other("PUT"))?.status == 405)
        }
    }

    @Test(arguments: [
        "/live/previews", "/live/previews/", "/live/previews/demo", "/live/previews/demo.", "/live/previews/.png", "/live/previews/none.png",
        "/live/previews/gone.png", "/live/previews/demo.gif", "/live/previews/demo.mp4", "/live/previews/escape.png",
        "/live/previews/../streams/demo.mp4", "/live/previews/%2e%2e/live/gone.webp", "/live/previews/x/demo.png", "/live/previews/x%2Fdemo.png",
        "/live/previews/..%5cgone.webp", "/live/previews/gone.webp%00.png", "/live/previews/%", "/live/previews/a b.png", "/live/previews/short.vtt",
        "/live/previews/short.png", "/live/previews/abcdefgh12345678-1.jpg", "/live/previews/live/gone.webp",
    ]) func whatIsNoPictureIs404AtOnceAndNothingIsMade(target: String) async throws {
        try await DeliveryFixture.run { fixture in
            let response = try #require(fixture.ask(target))
            #expect(response.status == 404)
            #expect(fixture.asked.all.isEmpty)
        }
    }

    /// Ids of files are the server's own: nobody who publishes can put a picture before theirs.
    @Test func thePictureOfAFileCannotBeShadowed() async throws {
        try await DeliveryFixture.run { fixture in
            let publisher = try fixture.publish("abcdefgh12345678")
            let response = try #require(fixture.ask("/live/previews/abcdefgh12345678.png"))
            guard case .file(let path, _, _) = response.body else { throw IOError(errnoCode: 0, reason: "no file: \(response.status)") }
            #expect(path.contains("/previews/vods/"))
            publisher.end(.finished)
        }
    }

    @Test func picturesOfAFileAreMadeWhenTheyAreAskedForFirst() async throws {
        try await DeliveryFixture.run { fixture in
            let response = try #require(try await fixture.answer("/live/previews/makeable12345678.vtt"))
            #expect(response.status == 200 && response.part == [0, 1000] && response.header("Content-Type") == "text/vtt")
            #expect(try await fixture.answer("/live/previews/makeable12345678.vtt")?.status == 200)
            #expect(fixture.asked.all == ["makeable12345678 thumbnails"], "they are there now")
            #expect(try await fixture.answer("/live/previews/makeable12345678.png")?.status == 200)
            #expect(try await fixture.answer("/live/previews/unknown012345678.vtt")?.status == 404)
            #expect(fixture.asked.all.count == 3)
        }
    }

    @Test func whoAsksWhileThereIsTooMuchToDoIsToldToComeBack() async throws {
        try await DeliveryFixture.run { fixture in
            for name in ["busy567890123456.vtt", "busy567890123456.png"] {
                let response = try #require(try await fixture.answer("/live/previews/\(name)"))
                #expect(response.status == 503 && response.header("Retry-After") == "2")
            }
            #expect(fixture.asked.all.count == 2)
        }
    }

    /// The frames of the fixture hold nothing that can be decoded: that is found out once for each keyframe.
    @Test func aLiveStreamWithoutADecodablePictureHasNone() async throws {
        try await DeliveryFixture.run { fixture in
            let publisher = try fixture.publish("demo")
            let response = try #require(try await fixture.answer("/live/previews/demo.jpg"))
            #expect(response.status == 404 && response.header("Access-Control-Allow-Origin") == "*")
            publisher.end(.finished)
        }
    }
}
