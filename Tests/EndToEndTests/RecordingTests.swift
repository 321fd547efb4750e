import Foundation
import Testing

/// Recordings made through the API, as files that any player opens.
@Suite struct RecordingTests {
    @Test func aRecordingStartedInMidStreamIsAPlainFileInSync() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let publisher = try await server.publish(as: "demo")
            try await publisher.send(2.5)

            // Nothing comes around each of the two calls, so that it is known what the server has when they take effect.
            let start = try await server.standStill(publisher, of: "demo")
            let started = try await server.record("demo", true, query: "?fileName=my%20show.mp4")
            publisher.thaw()
            let vodID = try #require(started["dataId"].text)
            try #require(started["success"].bool == true && vodID.count == 24)
            let again = try await server.record("demo", true)
            try #require(again["success"].bool == false && again["message"].text == "mp4 recording couldn't be started")
            try await publisher.send(5)
            let end = try await server.standStill(publisher, of: "demo")
            let ended = try await server.record("demo", false)
            publisher.thaw()
            try #require(ended == started, "the same id and time as at the start")

            let vod = try #require(try await server.vods(of: "demo", count: 1).first)
            try #require(vod["vodId"].text == vodID && vod["vodName"].text == "my show.mp4" && vod["type"].text == "streamVod")
            try #require(vod["startTime"].number.map { "\(Int($0))" } == started["message"].text)
            try #require(try await server.get("/v2/vods/\(vodID)").json() == vod)

            // Its address, as players ask for it.
            let path = try #require(vod["filePath"].text?.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed))
            let whole = try await server.get("/live/\(path)")
            try #require(whole.status == 200 && whole.headers["content-type"] == "video/mp4")
            try #require(vod["fileSize"].number == Double(whole.body.count))
            let part = try await server.get("/live/\(path)", headers: ["Range: bytes=4-7"])
            try #require(part.status == 206 && part.text == "ftyp")
            try #require(try topLevelBoxes(of: whole.body).prefix(2) == ["ftyp", "moov"], "a player can start before it has the whole file")
            try #require(try topLevelBoxes(of: whole.body).filter { $0 == "moof" }.isEmpty, "a plain file, not a fragmented one")

            let media = try await DecodedMedia.decode(server.url("/live/\(path)"), in: lab)
            try media.requireEveryPicture(atLeast: 110)
            try media.requireSync(atLeast: 4)
            try #require(media.pictures[0].number % Clip.frameRate == 0, "it begins with a keyframe")
            // What the file has is what was sent between the two calls, from the last keyframe or two before the first call on. The publisher's own figure
            // is some tenths of a second old.
            let first = Double(media.pictures[0].number) / 25
            let last = Double(media.pictures[media.pictures.count - 1].number + 1) / 25
            let starts = (start - 3.2)...(start + 1)
            let ends = (end - 1)...(end + 1)
            try #require(starts.contains(first) && ends.contains(last), "\(starts), \(ends): \(first)–\(last)")
            let told = try #require(vod["duration"].number) / 1000
            try #require(abs(media.length - (last - first)) < 0.2 && abs(told - media.length) < 0.2)
            try #require(abs(media.soundLength - media.length) < 0.2)
        }
    }

    @Test func tenRecordingsOfOneNameAreTenPlayableFiles() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let publisher = try await server.publish(as: "demo")
            for _ in 0..<10 {
                try #require(try await server.record("demo", true, query: "?fileName=show")["success"].bool == true)
                try await publisher.send(1.2)
                try #require(try await server.record("demo", false)["success"].bool == true)
            }
            let vods = try await server.vods(of: "demo", count: 10)
            let expected = ["show.mp4"] + (1...9).map { "show_\($0).mp4" }
            try #require(Set(vods.compactMap { $0["vodName"].text }) == Set(expected))
            for name in expected {
                let media = try await DecodedMedia.decode(server.url("/live/streams/\(name)"), in: lab)
                try media.requireEveryPicture(atLeast: 20)
            }
            let left = try FileManager.default.contentsOfDirectory(atPath: server.data.appending(path: "streams").path)
            try #require(Set(left) == Set(expected), "nothing else is left behind")
        }
    }

    @Test func everyStreamIsRecordedWhereThatIsSetAndADeletedRecordingIsGone() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_RECORDING_MP4": "true"])
            for _ in 0..<2 {
                let publisher = try await server.publish(as: "demo")
                try await publisher.send(5)
                try await publisher.stop()
                try await eventually("the stream is gone") { try await server.get("/v2/broadcasts/demo").status == 404 }
            }
            let vods = try await server.vods(of: "demo", count: 2)
            try #require(Set(vods.compactMap { $0["filePath"].text }) == ["streams/demo.mp4", "streams/demo_1.mp4"])
            for name in ["demo", "demo_1"] {
                let media = try await DecodedMedia.decode(server.url("/live/streams/\(name).mp4"), in: lab)
                try media.requireEveryPicture(atLeast: 70)
                // A recorder is started when the stream is live, and begins at the oldest keyframe that is kept then: a later one on a busy machine.
                let first = media.pictures[0].number
                try #require(first % Clip.frameRate == 0 && first <= 4 * Clip.frameRate, "from the first groups of pictures on: \(first)")
            }

            let vodID = try #require(vods.first { $0["vodName"].text == "demo.mp4" }?["vodId"].text)
            let deleted = try await server.call("DELETE", "/v2/vods/\(vodID)").json()
            try #require(deleted["success"].bool == true && deleted["message"].text == "vod deleted")
            try #require(try await server.get("/live/streams/demo.mp4").status == 404)
            try #require(try FileManager.default.contentsOfDirectory(atPath: server.data.appending(path: "streams").path) == ["demo_1.mp4"])
            try #require(try await server.get("/v2/vods/count").json()["number"].number == 1)
        }
    }

    /// The names of a file's outermost boxes, in order (ISO 14496-12 §4.2).
    private func topLevelBoxes(of file: Data) throws -> [String] {
        var names: [String] = []
        var position = file.startIndex
        while position + 8 <= file.endIndex {
            let size = file[position..<(position + 4)].reduce(0) { $0 << 8 | Int($1) }
            names.append(String(decoding: file[(position + 4)..<(position + 8)], as: UTF8.self))
            try #require(size >= 8, "a box of \(size) bytes")
            position += size
        }
        return names
    }
}
