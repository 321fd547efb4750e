import Foundation
import Glibc
import Testing

/// Streams of other servers, by each protocol, and how little it takes to leave one.
@Suite struct LiveSourceTests {
    @Test(arguments: LiveSender.Way.allCases) func aStreamIsPulled(way: LiveSender.Way) async throws {
        try await Lab.run { lab in
            let sender = try await LiveSender.start(way, of: Clip.light.file(), in: lab)
            // Some senders serve one caller only, so there is one try.
            let server = try await MartletProcess.startForPulls(in: lab, settings: ["MARTLET_SOURCES_OPEN_TIMEOUT": "60s"])
            // nginx tells players of a stream only when it is there.
            try await server.pull(sender.url, as: "src")
            try #require(try await lab.codecs(of: server.playlistURL("src")) == ["aac 48000", "h264 320x180"])
            let media = try await DecodedMedia.decode(try await lab.copy(server.playlistURL("src"), seconds: 6).path, in: lab)
            try media.requireEveryPicture(atLeast: 130)
            try media.requireSync(atLeast: 4)
            let answer = try await server.broadcast("src")
            try #require(answer["status"].text == "broadcasting" && answer["publishType"].text == "Pull")
            try #require(sender.child.exit == nil)
            // Where it comes in real time there is nowhere to go.
            let seek = try await server.call("PUT", "/v2/broadcasts/src/seek-time/1000").json()
            try #require(seek["success"].bool != nil)
            try await server.stopPull("src")
            try await server.waitUntil("src", is: "finished")
        }
    }

    /// Field notes, rows 11 and 12: a server that takes the connection and never says anything. The bounds of time are those of a busy machine, and below the
    /// ten seconds that the other side's word is waited for.
    @Test(arguments: ["rtsp", "rtmp", "http", "srt"]) func aBlackHoleIsLeftAtOnce(scheme: String) async throws {
        try await Lab.run { lab in
            let hole = try SilentServer()
            let server = try await MartletProcess.startForPulls(in: lab)
            let url = "\(scheme)://127.0.0.1:\(hole.port)/live/stream"
            try await server.create("hole", "streamSource", ["streamUrl": url])
            for isDeleted in [false, true] {
                try await server.startPull("hole")
                try #require(try await server.broadcast("hole")["status"].text == "preparing")
                // Nobody is asked over SRT: there is no connection without the other side's word.
                let connection = scheme == "srt" ? nil : try await eventually("it is connected") { try hole.accepted() }
                if isDeleted {
                    let answer = try await server.call("DELETE", "/v2/broadcasts/hole")
                    try #require(answer.text == result(true, "broadcast is deleted and stopped successfully") && answer.seconds < 8)
                    try #require(try await server.get("/v2/broadcasts/hole").status == 404)
                } else {
                    let answer = try await server.call("POST", "/v2/broadcasts/hole/stop")
                    try #require(answer.text == result(true, "Stream stopped") && answer.seconds < 8)
                    try await server.waitUntil("hole", is: "finished", within: .seconds(8))
                    let again = try await server.call("POST", "/v2/broadcasts/hole/stop")
                    try #require(again.text == result(false, "No matching stream source in this server:hole", dataID: "hole"))
                }
                guard let connection else { continue }
                try await eventually("it is gone", within: .seconds(8), every: .milliseconds(20)) {
                    while let words = connection.heard() { if words.isEmpty { return false } }
                    return true
                }
            }
        }
    }

    /// Field notes, row 15.
    @Test func anotherAddressIsTriedBeforeTheRunningSourceIsLeft() async throws {
        try await Lab.run { lab in
            let store = try await FilmStore.open(in: lab)
            try await store.add(Film(first: 5000, seconds: 60, options: ["-bf", "0"]), as: "other.mkv")
            let first = try await RTSPCamera.start(in: lab, film: Clip.plain.file())
            let second = try await RTSPCamera.start(in: lab, film: store.file("other.mkv"))
            let server = try await MartletProcess.startForPulls(in: lab)
            try await server.pull(first.url, as: "cam")
            let watched = lab.path("watched.mkv")
            let player = try await lab.startCopying(server.rtmpURL("cam"), to: watched)
            try await eventually("somebody watches") { try await server.broadcast("cam")["rtmpViewerCount"].number == 1 }
            // More than the pictures that are counted below, for the player begins when it likes.
            try await silence(.seconds(4))

            for (url, words) in [
                ("rtsp://127.0.0.1:\(try freePort())/cam", "Could not connect to the new source: Connection refused"),
                (first.url + "/nothing", "Could not connect to the new source: Server returned 404 Not Found"),
                ("nonsense", "Stream URL is not valid"), ("file:///etc/passwd", "Stream URL is not valid"),
            ] {
                let answer = try await server.call("PUT", "/v2/broadcasts/cam", body: #"{"streamUrl":"\#(url)"}"#)
                try #require(answer.status == 200 && answer.text == result(false, words))
                let now = try await server.broadcast("cam")
                try #require(now["status"].text == "broadcasting" && now["streamUrl"].text == first.url)
            }
            // What does not change what is fetched changes nothing else.
            let named = try await server.call("PUT", "/v2/broadcasts/cam", body: #"{"name":"Door","streamUrl":"\#(first.url)"}"#)
            try #require(named.text == result(true))
            player.send(SIGINT)
            try await player.waitForExit()
            try await DecodedMedia.decode(watched.path, in: lab).requireEveryPicture(atLeast: 60)

            let answer = try await server.call("PUT", "/v2/broadcasts/cam", body: #"{"streamUrl":"\#(second.url)"}"#)
            try #require(answer.text == result(true))
            try await server.waitUntilLive("cam")
            let media = try await DecodedMedia.decode(try await lab.copy(server.rtmpURL("cam"), seconds: 3).path, in: lab)
            try media.requireEveryPicture(atLeast: 60)
            try #require(media.pictures.allSatisfy { $0.number >= 5000 })
        }
    }

    /// Field notes, row 10.
    @Test func whatWasWantedIsLiveAgainAfterAPowerFailure() async throws {
        try await Lab.run { lab in
            let film = try await Clip.plain.file()
            let camera = try await RTSPCamera.start(in: lab, film: film)
            let lost = try await RTSPCamera.start(in: lab, film: film)
            let server = try await MartletProcess.startForPulls(in: lab)
            for (id, url) in [("wanted", camera.url), ("lost", lost.url), ("unwanted", camera.url)] { try await server.pull(url, as: id) }
            try await server.create("idle", "streamSource", ["streamUrl": camera.url])
            try await server.stopPull("unwanted")
            try await server.kill()
            try await lost.vanish()

            let next = try await server.restartedForPulls()
            try await next.waitUntilLive("wanted")
            try #require(try await lab.codecs(of: next.playlistURL("wanted")) == ["aac 48000", "h264 320x180"])
            try #require(try await next.pullError("lost") == "Connection refused")
            for (id, status) in [("unwanted", "finished"), ("idle", "created")] {
                try #require(try await next.broadcast(id)["status"].text == status, "\(id)")
            }
            try #require(try await next.get("/v2/broadcasts/active-live-stream-count").json()["number"].number == 1)
            let list = try await next.get("/v2/broadcasts/list/0/10").json().items
            try #require(list.filter { $0["status"].text == "broadcasting" }.compactMap { $0["streamId"].text } == ["wanted"])
            try await next.stopPull("lost")
            try await next.waitUntil("lost", is: "finished")
        }
    }
}
