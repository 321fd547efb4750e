import Foundation
import Testing

/// From an encoder to the browser.
@Suite struct LiveHLSTests {
    @Test func whatIsPublishedIsWatchedOverHLSWithoutALostFrame() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let publisher = try await server.publish(as: "demo", loops: true)
            // Longer than a group of pictures: then the first request is answered from the cached group.
            try await publisher.send(2)
            // A segment ends when its sound is there too, which is up to four pictures behind the keyframe that ends it: not to be cut off between the two.
            // What the publisher says it has sent is a while old, never ahead.
            try await eventually("the publisher stands still within a group of pictures") {
                let place = try await server.standStill(publisher, of: "demo").truncatingRemainder(dividingBy: 1)
                if (0.1..<0.5).contains(place) { return true }
                publisher.thaw()
                return false
            }
            let first = try await server.get("/live/streams/demo.m3u8")
            try #require(first.status == 200 && first.text.contains("#EXTINF:"), "\(first)")
            // Nothing comes that it could have waited for; ten seconds are what it waits at most.
            try #require(first.seconds < 8, "the first playlist took \(first.seconds) s")
            publisher.thaw()

            let copy = try await lab.copy(server.playlistURL("demo"), seconds: 8)
            let media = try await DecodedMedia.decode(copy.path, in: lab)
            try media.requireEveryPicture(atLeast: 190)
            try media.requireSync(atLeast: 6)

            let before = try await server.get("/live/streams/demo.m3u8").text
            try await publisher.stop()
            let ended = try await eventually("the playlist ends") {
                let text = try await server.get("/live/streams/demo.m3u8").text
                return text.contains("#EXT-X-ENDLIST") ? text : nil
            }
            let target = { (text: String) in text.split(separator: "\n").first { $0.hasPrefix("#EXT-X-TARGETDURATION") } }
            try #require(!before.contains("#EXT-X-ENDLIST") && target(before) == target(ended))
            try await eventually("a stream that nobody created goes with its end") { try await server.get("/v2/broadcasts/demo").status == 404 }
        }
    }

    @Test func playlistsAndSegmentsAreServedAsBrowsersAndCachesExpect() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let publisher = try await server.publish(as: "demo")
            try #require(try await lab.codecs(of: server.playlistURL("demo")) == ["aac 48000", "h264 320x180"])
            try #require(try await lab.codecs(of: server.url("/live/streams/demo_adaptive.m3u8")) == ["aac 48000", "h264 320x180"])
            let master = try await server.get("/live/streams/demo_adaptive.m3u8")
            let variant = try #require(master.text.split(separator: "\n").first { $0.hasPrefix("#EXT-X-STREAM-INF:") })
            for attribute in ["CODECS=\"avc1.", ",mp4a.40.2\"", "RESOLUTION=320x180", "FRAME-RATE=25.000", "BANDWIDTH="] {
                try #require(variant.contains(attribute), "\(variant)")
            }

            // Small answers need no compression, so the list has to grow first.
            try await publisher.send(6)
            let packed = try await eventually("a compressed playlist") {
                let answer = try await server.get("/live/streams/demo.m3u8", headers: ["Accept-Encoding: gzip"])
                return answer.headers["content-encoding"] == "gzip" ? answer : nil
            }
            try #require(packed.body.starts(with: [0x1f, 0x8b]))
            let playlist = try await server.get("/live/streams/demo.m3u8", headers: ["Origin: https://example.org"])
            try #require(playlist.headers["content-encoding"] == nil)
            try #require(playlist.headers["access-control-allow-origin"] == "*")
            try #require(playlist.headers["content-type"] == "application/vnd.apple.mpegurl")
            for line in ["#EXT-X-INDEPENDENT-SEGMENTS", "#EXT-X-PROGRAM-DATE-TIME:", "#EXT-X-MAP:"] { try #require(playlist.text.contains(line)) }

            let name = try #require(playlist.text.split(separator: "\n").last { !$0.hasPrefix("#") })
            let path = "/live/streams/\(name)"
            let whole = try await server.get(path)
            let head = try await server.call("HEAD", path)
            try #require(head.status == 200 && head.headers["content-length"] == "\(whole.body.count)" && head.body.isEmpty)
            let part = try await server.get(path, headers: ["Range: bytes=10-29"])
            try #require(part.status == 206 && part.headers["content-range"] == "bytes 10-29/\(whole.body.count)")
            try #require(part.body == whole.body.subdata(in: 10..<30))
            let beyond = try await server.get(path, headers: ["Range: bytes=99999999-"])
            try #require(beyond.status == 416)
        }
    }

    @Test func whatIsNotThereIsNotFound() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            for path in ["nobody.m3u8", "nobody_adaptive.m3u8", "nobody-x-0.m4s", "..%2f..%2fmartlet.sqlite", "%2e%2e/martlet.sqlite"] {
                try #require(try await server.get("/live/streams/\(path)").status == 404, "\(path)")
            }
        }
    }

    @Test(arguments: [(Clip.soundOnly, ["aac 48000"]), (.pictureOnly, ["h264 320x180"]), (.mp3, ["h264 320x180", "mp3 44100"])])
    func otherKindsOfStreamsPlayOverHLS(clip: Clip, codecs: [String]) async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let publisher = try await server.publish(clip, as: "demo")
            try await publisher.send(4)
            try #require(try await lab.codecs(of: server.playlistURL("demo")) == codecs)
            let copy = try await lab.copy(server.playlistURL("demo"), seconds: 4)
            if clip == .soundOnly {
                let length = try #require(try await lab.probe(copy.path)["format"]["duration"].seconds)
                try #require(length > 3.8)
            } else {
                let media = try await DecodedMedia.decode(copy.path, hasSound: clip != .pictureOnly, in: lab)
                try media.requireEveryPicture(atLeast: 95)
                try #require(clip == .pictureOnly || media.soundLength > 3.8)
            }
        }
    }

    /// Field notes, row 29: segments of an earlier life are swept, and a stream's own are gone after its end.
    @Test func segmentsDoNotPileUp() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_HLS_MODE": "always", "MARTLET_HLS_MEMORY_PER_STREAM": "100KB"])
            let publisher = try await server.publish(.heavy, as: "demo")
            try await publisher.send(6)
            let live = server.data.appending(path: "live")
            let segments = { try FileManager.default.subpathsOfDirectory(atPath: live.path).filter { $0.hasSuffix(".m4s") } }
            try await eventually("segments are on disk") { try !segments().isEmpty }
            try await server.kill()
            try #require(try !segments().isEmpty)
            _ = try await server.restarted()
            try #require(try segments().isEmpty)
        }
    }
}
