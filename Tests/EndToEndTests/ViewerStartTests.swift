import Foundation
import Glibc
import Testing

/// Sources that run only while somebody watches (contract 3.6).
@Suite struct ViewerStartTests {
    /// How long the server waits for viewers to come back.
    private static let patience = 10.0

    @Test func theFirstViewerStartsTheSourceAndWaitsForItsFirstPicture() async throws {
        try await Lab.run { lab in
            let camera = try await RTSPCamera.start(in: lab, film: Clip.plain.file())
            // What it has to load for its first viewer is loaded: the one request below is held for ten seconds at most.
            _ = try await lab.codecs(of: camera.url)
            let server = try await MartletProcess.startForPulls(in: lab, settings: ["MARTLET_HLS_SEGMENT_DURATION": "1s"])
            for id in ["cam", "played"] {
                try await server.create(id, "streamSource", ["streamUrl": camera.url], more: #","autoStartStopEnabled":true"#)
            }
            try #require(try await server.broadcast("cam")["status"].text == "created")

            // One request, and it is answered with what can be played.
            let playlist = try await server.get("/live/streams/cam.m3u8")
            try #require(playlist.status == 200 && playlist.text.contains("#EXTINF:"), "\(playlist)")
            try #require(playlist.seconds < 20, "held for \(playlist.seconds) s")
            let file = lab.path("played.mkv")
            let player = try await lab.startCopying(server.rtmpURL("played"), to: file)
            try await eventually("there is something to see") { try await server.broadcast("played")["duration"].number ?? 0 > 6_000 }

            // After the player has gone there is some time to come back in, which begins when the server has last looked for it. What it got is seen
            // later, for that takes time, too.
            let time = try await seconds {
                player.send(SIGINT)
                try await player.waitForExit()
                try await server.waitUntil("played", is: "finished")
            }
            try #require(time > Self.patience - 4, "stopped after \(time) s")
            try await DecodedMedia.decode(file.path, in: lab).requireEveryPicture(atLeast: 75)
            try await server.waitUntil("cam", is: "finished")
            try #require(try await server.get("/v2/broadcasts/cam/ip-camera-error").json()["success"].bool == false)
        }
    }

    @Test func aViewerOfASourceThatIsNotThereIsTold() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.startForPulls(in: lab)
            let dead = "rtsp://127.0.0.1:\(try freePort())/cam"
            try await server.create("dead", "streamSource", ["streamUrl": dead], more: #","autoStartStopEnabled":true"#)
            try await server.create("plain", "streamSource", ["streamUrl": dead])
            async let waiting = server.get("/live/streams/dead.m3u8")
            try #require(try await server.pullError("dead") == "Connection refused")
            let answer = try await waiting
            // Held for the ten seconds that a first picture is waited for at most, and not for twice as long.
            try #require(answer.status == 404 && answer.seconds < 20, "\(answer)")
            // Not held at all.
            let plain = try await server.get("/live/streams/plain.m3u8")
            try #require(plain.status == 404 && plain.seconds < 9, "\(plain)")
            try #require(try await server.broadcast("plain")["status"].text == "created")
        }
    }
}
