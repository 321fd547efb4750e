import Foundation
import Glibc
import Testing

/// webm recordings made through the API, as files that any player opens.
@Suite struct WebMRecordingTests {
    private func record(_ server: MartletProcess, _ isOn: Bool, _ type: String, _ more: String = "") async throws -> JSON {
        try await server.record("demo", isOn, query: "?recordType=\(type)\(more)")
    }

    @Test func webMAndMP4StartedInMidStreamAreBothInSync() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let publisher = try await server.publish(as: "demo")
            try await publisher.send(2.5)
            let unknown = try await self.record(server, true, "flv")
            try #require(unknown["success"].bool == false)
            try #require(unknown["message"].text == "No stream for this id: demo or unexpected record type. Record type is null")

            var started: [String: JSON] = [:]
            for type in ["mp4", "webm"] {
                started[type] = try await self.record(server, true, type, "&fileName=my%20show.webm")
                try #require(started[type]?["success"].bool == true && started[type]?["dataId"].text?.count == 24, "\(type)")
            }
            let again = try await self.record(server, true, "webm")
            try #require(again["success"].bool == false && again["message"].text == "webm recording couldn't be started")
            let flags = try await server.broadcast("demo")
            try #require(flags["mp4Enabled"].number == 1 && flags["webMEnabled"].number == 1)
            try #require(try await server.metric("recordings") == 2)
            try #require(try await server.metric("recording_encoders") == 1)
            try await publisher.send(5)
            for type in ["webm", "mp4"] { try #require(try await self.record(server, false, type) == started[type], "\(type)") }
            try #require(try await server.broadcast("demo")["webMEnabled"].number == -1)

            let vods = try await server.vods(of: "demo", count: 2)
            try #require(Set(vods.compactMap { $0["vodName"].text }) == ["my show.webm", "my show.webm.mp4"])
            var lengths: [Double] = []
            for vod in vods {
                let isWebM = vod["vodName"].text == "my show.webm"
                try #require(vod["vodId"].text == started[isWebM ? "webm" : "mp4"]?["dataId"].text)
                let path = try #require(vod["filePath"].text?.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed))
                let whole = try await server.get("/live/\(path)")
                try #require(whole.status == 200 && whole.headers["content-type"] == (isWebM ? "video/webm" : "video/mp4"))
                try #require(vod["fileSize"].number == Double(whole.body.count))
                let media = try await DecodedMedia.decode(server.url("/live/\(path)"), in: lab)
                try media.requireEveryPicture(atLeast: 110)
                try media.requireSync(atLeast: 4)
                try #require(media.pictures[0].number % Clip.frameRate == 0, "it begins with a keyframe")
                try #require(abs(media.pictures[0].time) < 0.1, "its time begins at zero")
                let told = try #require(vod["duration"].number) / 1000
                try #require(abs(told - media.length) < 0.2 && abs(media.soundLength - media.length) < 0.2)
                lengths.append(media.length)
                guard isWebM else { continue }
                try #require(try await lab.codecs(of: server.url("/live/\(path)")) == ["opus 48000", "vp8 320x180"])
                let part = try await server.get("/live/\(path)", headers: ["Range: bytes=0-3"])
                try #require(part.status == 206 && Array(part.body) == [0x1A, 0x45, 0xDF, 0xA3])
                let poster = try #require(vod["previewFilePath"].text)
                try await eventually("its poster") { try await server.get("/live/\(poster)").status == 200 }
            }
            try #require(lengths.allSatisfy { $0 > 4.5 })
            try #require(try await server.metric("recording_encoders") == 0)
        }
    }

    @Test func tenWebMsOfOneNameAreTenPlayableFiles() async throws {
        try await Lab.run { lab in
            // On a busy machine all of them may still encode what they were given.
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_WEBM_MAXIMUM": "10"])
            let publisher = try await server.publish(as: "demo")
            for _ in 0..<10 {
                try #require(try await self.record(server, true, "webm", "&fileName=show")["success"].bool == true)
                try await publisher.send(1.2)
                try #require(try await self.record(server, false, "webm")["success"].bool == true)
            }
            let vods = try await server.vods(of: "demo", count: 10)
            let expected = ["show.webm"] + (1...9).map { "show_\($0).webm" }
            try #require(Set(vods.compactMap { $0["vodName"].text }) == Set(expected))
            for name in expected {
                let media = try await DecodedMedia.decode(server.url("/live/streams/\(name)"), in: lab)
                try media.requireEveryPicture(atLeast: 20)
            }
            let left = try FileManager.default.contentsOfDirectory(atPath: server.data.appending(path: "streams").path)
            try #require(Set(left) == Set(expected), "nothing else is left behind")
        }
    }

    @Test func aKilledServerComesBackWithBothRecordings() async throws {
        try await Lab.run { lab in
            // A publisher is held up for as long as the encoder and the disk take.
            let server = try await MartletProcess.start(
                in: lab,
                settings: ["MARTLET_RECORDING_MP4": "true", "MARTLET_RECORDING_WEBM": "true", "MARTLET_RTMP_IDLE_TIMEOUT": "2m"])
            let publisher = try await server.publish(as: "demo")
            try await eventually("both are recorded") { try await server.metric("recordings") == 2 }
            try await publisher.send(6)
            let sent = try await server.standStill(publisher, of: "demo")
            try await server.waitUntilNothingIsWritten()
            try await server.kill()

            let next = try await server.restarted()
            let vods = try await next.vods(of: "demo", count: 2)
            try #require(Set(vods.compactMap { $0["filePath"].text }) == ["streams/demo.mp4", "streams/demo.webm"])
            for vod in vods {
                let path = try #require(vod["filePath"].text)
                let media = try await DecodedMedia.decode(next.url("/live/\(path)"), in: lab)
                try media.requireEveryPicture(atLeast: 60)
                try media.requireSync(atLeast: 2)
                // One second is what may be lost; the rest are the pictures that were ahead of their sound.
                let last = Double(media.pictures[media.pictures.count - 1].number) / 25
                try #require(last > sent - 1.5, "\(path): \(sent - last) s are lost")
                try #require(abs(try #require(vod["duration"].number) / 1000 - media.length) < 0.2)
            }
            let left = try FileManager.default.contentsOfDirectory(atPath: next.data.appending(path: "streams").path)
            try #require(Set(left) == ["demo.mp4", "demo.webm"], "\(left)")
        }
    }

    /// A source of WebM's own codecs: not a bit is changed.
    @Test func vp9AndOpusAreCopiedExactly() async throws {
        try await Lab.run { lab in
            let clip = lab.path("clip.mp4")
            var command = ["ffmpeg", "-nostdin", "-v", "error", "-i", try await Clip.light.file().path, "-t", "5", "-fps_mode", "passthrough"]
            command += ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25", "-b:v", "300k", "-c:a", "libopus", clip.path]
            try await lab.run("encode", command, within: .seconds(180))
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_RECORDING_WEBM": "true", "MARTLET_WEBM_MAXIMUM": "0"])
            var publisher = try await EnhancedPublisher.start(clip, to: server, id: "demo")
            try await server.waitUntil("demo", is: "broadcasting")
            try await eventually("it is being recorded") { try await server.metric("recordings") == 1 }
            try publisher.sendTheRest()
            try await eventually("all of it has come") { try await server.metric("ingest_frames_total") >= 360 }
            try #require(publisher.isConnected)
            try #require(try await server.call("POST", "/v2/broadcasts/demo/stop").json()["success"].bool == true)
            try #require(try await server.vods(of: "demo", count: 1).count == 1)
            let file = server.url("/live/streams/demo.webm")
            try #require(try await lab.codecs(of: file) == ["opus 48000", "vp9 320x180"])
            for (kind, most) in [("v", 0), ("a", 3)] {
                let (sent, kept) = (try await self.hashes(clip.path, kind, in: lab), try await self.hashes(file, kind, in: lab))
                try #require(sent.count >= 120 && kept.count >= sent.count - most, "\(kind): \(kept.count) of \(sent.count)")
                try #require(Array(sent.suffix(kept.count)) == kept, "\(kind)")
            }
            let media = try await DecodedMedia.decode(file, in: lab)
            try media.requireSync(atLeast: 3)
        }
    }

    /// Everybody else hears AAC of it; a webm has what was sent, and keeps it when the server is killed.
    @Test func vorbisIsCopiedExactly() async throws {
        try await Lab.run { lab in
            let store = try await FilmStore.open(in: lab)
            let film = Film(first: 1000, seconds: 40)
            try await store.add(film, as: "film.mp4")
            let once = store.file("once.webm")
            var command = ["ffmpeg", "-nostdin", "-v", "error", "-i", store.file("film.mp4").path, "-fps_mode", "passthrough"]
            command += ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "25", "-b:v", "300k", "-c:a", "libvorbis", once.path]
            try await lab.run("encode", command, within: .seconds(180))
            // So long that a busy machine does not come to where it begins again, and nothing more to encode.
            let clip = store.file("film.webm")
            try await lab.run("repeat", ["ffmpeg", "-nostdin", "-v", "error", "-stream_loop", "2", "-i", once.path, "-c", "copy", clip.path])
            // No pictures may be encoded.
            let server = try await MartletProcess.startForPulls(in: lab, settings: ["MARTLET_WEBM_MAXIMUM": "0"])
            try await server.create("demo", "VoD", ["streamUrl": store.server.url("film.webm")])
            try await server.startPull("demo")
            try await server.waitUntilLive("demo")
            try #require(try await self.record(server, true, "webm", "&fileName=short")["success"].bool == true)
            try await eventually("some of it is recorded") { try await server.broadcast("demo")["duration"].number ?? 0 > 5_000 }
            // What all others get.
            try #require(try await lab.codecs(of: server.url("/live/streams/demo.m3u8")).contains("aac 48000"))
            try #require(try await self.record(server, false, "webm")["success"].bool == true)
            try #require(try await server.vods(of: "demo", count: 1).count == 1)
            try #require(try await self.record(server, true, "webm", "&fileName=killed")["success"].bool == true)
            let folder = server.data.appending(path: "streams")
            try await eventually("more of it is recorded") {
                let name = try FileManager.default.contentsOfDirectory(atPath: folder.path).first { $0.hasPrefix("killed") }
                let file = try FileManager.default.attributesOfItem(atPath: folder.appending(path: try #require(name)).path)
                return file[.size] as? Int ?? 0 > 20_000
            }
            try await server.kill()
            let next = try await server.restartedForPulls()
            try #require(try await next.vods(of: "demo", count: 2).count == 2)
            for name in ["short", "killed"] {
                let file = next.url("/live/streams/\(name).webm")
                try #require(try await lab.codecs(of: file) == ["vorbis 48000", "vp8 320x180"], "\(name)")
                for kind in ["v", "a"] {
                    let (sent, kept) = (try await self.hashes(clip.path, kind, in: lab), try await self.hashes(file, kind, in: lab))
                    // Silent packets are all the same.
                    try #require(kept.count > 50 && sent.indices.contains { sent[$0...].starts(with: kept) }, "\(name) \(kind)")
                }
                let media = try await DecodedMedia.decode(file, in: lab)
                try media.requireSync(atLeast: 3)
                try #require(abs(media.soundLength - media.length) < 0.2, "\(name)")
            }
        }
    }

    /// Of each packet of the first track of a kind.
    private func hashes(_ file: String, _ kind: String, in lab: Lab) async throws -> [String] {
        let command = ["ffmpeg", "-nostdin", "-v", "error", "-i", file, "-map", "0:\(kind):0", "-c", "copy", "-f", "framemd5", "-"]
        let lines = try await lab.run("hash", command).output.split(separator: "\n").filter { !$0.hasPrefix("#") }
        return try lines.map { try #require($0.split(separator: ",").last).trimmingCharacters(in: .whitespaces) }
    }

    /// On a small disk that only the server sees: as with mp4, the recording ends, what it has is kept, and nothing else notices.
    @Test func aFullDiskEndsAWebMAndNothingElse() async throws {
        try await Lab.run { lab in
            let data = lab.path("data")
            try FileManager.default.createDirectory(at: data, withIntermediateDirectories: true)
            let apart = geteuid() == 0 ? ["unshare", "--mount"] : ["unshare", "--map-root-user", "--mount"]
            let mount = "mount -t tmpfs -o size=16m tmpfs \"$0\" && exec \"$@\""
            let server = try await MartletProcess.start(
                in: lab, data: data,
                settings: [
                    "MARTLET_RECORDING_MINIMUM_FREE_SPACE": "8MB", "MARTLET_RECORDING_SUFFICIENT_FREE_SPACE": "8MB",
                    "MARTLET_HLS_MEMORY_PER_STREAM": "100MB", "MARTLET_WEBM_BITRATE": "20000000", "MARTLET_WEBM_SPEED": "16",
                ],
                wrapper: apart + ["sh", "-c", mount, data.path])
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo"}"#)
            let publisher = try await server.publish(.heavy, as: "demo", loops: true)
            try #require(try await self.record(server, true, "webm")["success"].bool == true)
            let vod = try #require(try await server.vods(of: "demo", count: 1).first)
            try await eventually("no recording runs") { try await server.metric("recordings") == 0 }
            try #require(try await self.record(server, false, "webm")["success"].bool == false, "it is told as not running")
            let media = try await DecodedMedia.decode(server.url("/live/streams/demo.webm"), in: lab)
            try #require(media.pictures.count >= 25)
            try media.requireSync(atLeast: 1)
            try #require(abs(try #require(vod["duration"].number) / 1000 - media.length) < 0.3)
            let reasons = try server.log().filter { $0["stream"].text == "demo" && $0["level"].text == "warning" }.compactMap { $0["reason"].text }
            try #require(reasons.contains("diskFull"), "\(reasons)")

            try #require(publisher.child.exit == nil)
            try #require(try await server.broadcast("demo")["status"].text == "broadcasting")
            let copy = try await lab.copy(server.playlistURL("demo"), seconds: 4)
            try await DecodedMedia.decode(copy.path, in: lab).requireEveryPicture(atLeast: 90)
        }
    }
}
