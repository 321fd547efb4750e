import Foundation
import Glibc
import Testing

/// From an encoder to RTMP players.
@Suite struct RTMPPlayTests {
    @Test func anRTMPPlayerGetsEveryFrameInSync() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let publisher = try await server.publish(as: "demo")
            try await publisher.send(2)
            try #require(try await lab.codecs(of: server.rtmpURL("demo")) == ["aac 48000", "h264 320x180"])
            let copy = try await lab.copy(server.rtmpURL("demo"), seconds: 6)
            let media = try await DecodedMedia.decode(copy.path, in: lab)
            try media.requireEveryPicture(atLeast: 140)
            try media.requireSync(atLeast: 4)
            // Whoever comes late begins with a keyframe, and that is the first frame of a second of the clip.
            try #require(media.pictures[0].number % Clip.frameRate == 0)
            try await eventually("no viewer is counted any more") { try await server.broadcast("demo")["rtmpViewerCount"].number == 0 }
        }
    }

    @Test func aPlayerWhoComesTooEarlyWaitsForThePublisherAndSeesTheEnd() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let file = lab.path("early.mkv")
            let player = try await lab.startCopying(server.rtmpURL("demo"), to: file)
            try await eventually("the player waits") { try await server.metric("rtmp_connections") == 1 }
            let publisher = try await server.publish(as: "demo")
            try await publisher.send(4)
            try #require(player.exit == nil)
            try await publisher.stop()
            // Told of the end, it ends by itself.
            try await player.waitForExit()
            let media = try await DecodedMedia.decode(file.path, in: lab)
            try media.requireEveryPicture(atLeast: 80)
            try #require(media.pictures[0].number == 0, "it was there before the first frame")
        }
    }

    /// Issue: a stalled viewer changes nothing for anyone else.
    @Test func aStalledViewerCostsTheOthersNothing() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_RTMP_IDLE_TIMEOUT": "5s"])
            let publisher = try await server.publish(.heavy, as: "demo", loops: true)
            let stalled = try await lab.startCopying(server.rtmpURL("demo"), to: lab.path("stalled.mkv"))
            try await eventually("the viewer watches") { try await server.broadcast("demo")["rtmpViewerCount"].number == 1 }
            stalled.send(SIGSTOP)

            async let rtmp = lab.copy(server.rtmpURL("demo"), seconds: 12)
            async let hls = lab.copy(server.playlistURL("demo"), seconds: 8)
            let copies = try await [rtmp, hls]
            for (copy, count) in zip(copies, [290, 190]) {
                let media = try await DecodedMedia.decode(copy.path, in: lab)
                try media.requireEveryPicture(atLeast: count)
                try media.requireSync(atLeast: count / 25 - 3)
            }
            // Whoever takes nothing is given up in the end, and the publisher has not noticed any of it.
            try await eventually("the stalled viewer is given up") { try await server.metric("rtmp_connections") == 1 }
            try #require(publisher.child.exit == nil)
            try #require(try await server.broadcast("demo")["status"].text == "broadcasting")
        }
    }

    @Test func viewersAreCountedBySessionAndNotByRequest() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let publisher = try await server.publish(as: "demo", loops: true)
            let jar = lab.path("cookies").path
            func watch() async throws {
                try await lab.run("curl-viewer", ["curl", "-sS", "-o", "/dev/null", "-b", jar, "-c", jar, server.playlistURL("demo")])
            }
            for _ in 0..<5 { try await watch() }
            let player = try await lab.startCopying(server.rtmpURL("demo"), to: lab.path("player.mkv"))
            // Who watches over HLS is forgotten some time after the last request.
            try await eventually("one viewer over RTMP and two over HLS") {
                try await watch()
                try await lab.run("curl-viewer", ["curl", "-sS", "-A", "another browser", "-o", "/dev/null", server.playlistURL("demo")])
                let statistics = try await server.get("/v2/broadcasts/demo/broadcast-statistics").json()
                return statistics["totalRTMPWatchersCount"].number == 1 && statistics["totalHLSWatchersCount"].number == 2
            }
            try #require(publisher.child.exit == nil && player.exit == nil)
        }
    }
}
