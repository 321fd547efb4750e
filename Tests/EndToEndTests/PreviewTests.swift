import Foundation
import Testing

/// Still pictures of live streams and of recordings, looked at by other tools.
@Suite struct PreviewTests {
    /// The picture an answer holds: its codec and size as ffprobe has them, and the frame it is of.
    private func look(
        _ answer: HTTPAnswer, in lab: Lab, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> (format: String, picture: DecodedMedia.Picture) {
        try #require(answer.status == 200, "\(answer.text.prefix(200))", sourceLocation: sourceLocation)
        let file = lab.path("picture-\(UUID().uuidString)")
        try answer.body.write(to: file)
        let probed = try await lab.run(
            "ffprobe", ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0", file.path])
        let decoded = try await DecodedMedia.decode(file.path, hasSound: false, in: lab)
        return (probed.output.trimmingCharacters(in: .whitespacesAndNewlines), try #require(decoded.pictures.first, sourceLocation: sourceLocation))
    }

    @Test func aPictureOfALiveStreamIsMadeWhenItIsAskedFor() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(
                in: lab, settings: ["MARTLET_PREVIEWS_HEIGHT": "90", "MARTLET_PREVIEWS_PERIOD": "1s", "MARTLET_RTMP_IDLE_TIMEOUT": "60s"])
            let publisher = try await server.publish(as: "demo")
            try await publisher.send(2)
            // Nothing comes while pictures are asked for, so that it is known which one is the newest.
            let sent = try await server.standStill(publisher, of: "demo")
            let newest = (sent - 2)...(sent + 1)
            for (ending, type, codec) in [("jpg", "image/jpeg", "mjpeg"), ("png", "image/png", "png"), ("webp", "image/webp", "webp")] {
                let answer = try await server.get("/live/previews/demo.\(ending)")
                try #require(answer.headers["content-type"] == type && answer.headers["cache-control"] == "max-age=1")
                try #require(answer.headers["access-control-allow-origin"] == "*" && answer.headers["x-content-type-options"] == "nosniff")
                let (format, picture) = try await self.look(answer, in: lab)
                try #require(format == "\(codec),160,90")
                // Keyframes of the clip are its flashes, one a second.
                try #require(picture.isWhite && picture.number % Clip.frameRate == 0, "\(picture)")
                try #require(newest.contains(Double(picture.number) / 25), "\(picture), \(sent) s were sent")
                let head = try await server.call("HEAD", "/live/previews/demo.\(ending)")
                try #require(head.status == 200 && head.headers["content-type"] == type && Int(head.headers["content-length"] ?? "") ?? 0 > 100)
            }
            // Another picture after a while, and the same one in between.
            let first = try await server.get("/live/previews/demo.jpg")
            let tag = try #require(first.headers["etag"])
            publisher.thaw()
            try await publisher.send(3)
            let answer = try await eventually("another picture") { () -> HTTPAnswer? in
                let answer = try await server.get("/live/previews/demo.jpg", headers: ["If-None-Match: \(tag)"])
                return answer.status == 304 ? nil : answer
            }
            let second = try await self.look(answer, in: lab)
            try #require(second.picture.number > (try await self.look(first, in: lab)).picture.number)
            try #require(try FileManager.default.contentsOfDirectory(atPath: server.data.appending(path: "previews/live").path).isEmpty)

            for unknown in ["nobody.jpg", "demo.gif", "..%2fdemo.jpg", "demo_finished.png", "demo"] {
                try #require(try await server.get("/live/previews/\(unknown)").status == 404)
            }
            try await publisher.stop()
            try await eventually("an ended stream has none") { try await server.get("/live/previews/demo.jpg").status == 404 }
        }
    }

    @Test func manyWhoAskAtOnceGetOnePictureAndSoundHasNone() async throws {
        try await Lab.run { lab in
            // A picture is as good as new for longer than it takes all of them to ask.
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_PREVIEWS_PERIOD": "10m"])
            let publisher = try await server.publish(as: "demo")
            let sound = try await server.publish(.soundOnly, as: "sound")
            try await publisher.send(1.5)
            let urls = (0..<40).flatMap { ["-o", lab.path("one-\($0).jpg").path, server.url("/live/previews/demo.jpg")] }
            try await lab.run("crowd", ["curl", "-sS", "--fail", "--parallel", "--parallel-immediate", "--parallel-max", "40"] + urls)
            var pictures: Set<Data> = []
            for number in 0..<40 { pictures.insert(try Data(contentsOf: lab.path("one-\(number).jpg"))) }
            try #require(pictures.count == 1)
            try #require(try await server.get("/live/previews/sound.jpg").status == 404)
            try #require(publisher.child.exit == nil && sound.child.exit == nil)
        }
    }

    @Test func picturesAreWrittenWhereThatIsSetAndTheLastOneStays() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(
                in: lab,
                settings: ["MARTLET_PREVIEWS_GENERATE": "true", "MARTLET_PREVIEWS_PERIOD": "1s", "MARTLET_PREVIEWS_FORMAT": "png"])
            let file = server.data.appending(path: "previews/live/demo.png")
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo"}"#)
            let publisher = try await server.publish(as: "demo")
            let first = try await eventually("there is a picture") { FileManager.default.contents(atPath: file.path) }
            let second = try await eventually("there is another one") {
                FileManager.default.contents(atPath: file.path).flatMap { $0 == first ? nil : $0 }
            }
            func written(_ bytes: Data) async throws -> DecodedMedia.Picture {
                let copy = lab.path("written-\(UUID().uuidString).png")
                try bytes.write(to: copy)
                return try #require(try await DecodedMedia.decode(copy.path, hasSound: false, in: lab).pictures.first)
            }
            try #require(try await written(first).number < (try await written(second)).number)
            try await publisher.send(2)
            let end = try publisher.sent()
            try await publisher.stop()
            let last = try await eventually("the last one stays") {
                let answer = try await server.get("/live/previews/demo_finished.png")
                return answer.status == 200 ? answer : nil
            }
            let (format, picture) = try await self.look(last, in: lab)
            try #require(format == "png,320,180" && abs(Double(picture.number) / 25 - end) < 5, "\(picture) at \(end)")
            try #require(try await server.call("DELETE", "/v2/broadcasts/demo").json()["success"].bool == true)
            try await eventually("its pictures go with a broadcast") {
                try FileManager.default.contentsOfDirectory(atPath: file.deletingLastPathComponent().path).isEmpty
            }
        }
    }

    @Test func aRecordingHasAPosterAndThumbnailsThatGoWithIt() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_PREVIEWS_HEIGHT": "120"])
            let publisher = try await server.publish(as: "demo")
            try #require(try await server.record("demo", true)["success"].bool == true)
            try await publisher.send(7)
            try #require(try await server.record("demo", false)["success"].bool == true)
            let vod = try #require(try await server.vods(of: "demo", count: 1).first)
            let id = try #require(vod["vodId"].text)
            try #require(vod["previewFilePath"].text == "previews/\(id).png")
            let poster = try await self.look(try await server.get("/live/previews/\(id).png"), in: lab)
            try #require(poster.format == "png,214,120" && poster.picture.isWhite && poster.picture.number % 25 == 0)

            let folder = server.data.appending(path: "previews/vods")
            try #require(!FileManager.default.fileExists(atPath: folder.appending(path: "\(id).vtt").path), "nobody has asked yet")
            let track = try await server.get("/live/previews/\(id).vtt")
            try #require(track.status == 200 && track.headers["content-type"] == "text/vtt")
            let cues = track.text.matches(of: #/(\d\d):(\d\d):(\d\d)\.(\d{3}) --> (\d\d):(\d\d):(\d\d)\.(\d{3})\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)/#)
            let seconds = try #require(vod["duration"].number) / 1000
            try #require(cues.count == Int((seconds / 2).rounded(.up)), "\(seconds) s: \(track.text)")
            let sheet = try await server.get("/live/previews/\(cues[0].output.9)")
            let sheetFile = lab.path("sheet.jpg")
            try sheet.body.write(to: sheetFile)
            // Each thumbnail is of a keyframe next to its time: the file finds them by when they are decoded.
            let recording = try await DecodedMedia.decode(server.url("/live/streams/demo.mp4"), in: lab)
            for (index, cue) in cues.enumerated() {
                let tile = lab.path("tile-\(index).png")
                let (x, y, width, height) = (cue.output.10, cue.output.11, cue.output.12, cue.output.13)
                try await lab.run(
                    "cut", ["ffmpeg", "-v", "error", "-i", sheetFile.path, "-vf", "crop=\(width):\(height):\(x):\(y)", tile.path])
                let shown = try #require(try await DecodedMedia.decode(tile.path, hasSound: false, in: lab).pictures.first)
                let expected = try #require(recording.pictures.last { $0.time <= Double(index) * 2 + 0.1 && $0.number % 25 == 0 })
                try #require(shown.number % 25 == 0 && abs(shown.number - expected.number) <= 25, "thumbnail \(index): \(shown), \(expected)")
            }

            try #require(try await server.call("DELETE", "/v2/vods/\(id)").json()["success"].bool == true)
            try #require(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
            for name in ["\(id).png", "\(id).vtt", "\(id)-0.jpg"] { try #require(try await server.get("/live/previews/\(name)").status == 404) }
        }
    }
}
