import Foundation
import Glibc
import Testing

/// Who may publish, and who takes over.
@Suite struct PublishTests {
    @Test func aSecondPublisherIsRefusedWhileTheFirstIsHeard() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let first = try await server.publish(as: "demo")
            let second = try await Publisher.start(to: server.rtmpURL("demo"), in: lab)
            try #require(try await second.child.waitForExit() != .code(0))
            // ffmpeg gives the description of NetStream.Publish.BadName, and not its code.
            try #require(second.child.lastWords.contains("published already"), "\(second.child.lastWords)")
            let copy = try await lab.copy(server.rtmpURL("demo"), seconds: 3)
            try await DecodedMedia.decode(copy.path, in: lab).requireEveryPicture(atLeast: 70)
            try #require(first.child.exit == nil)
        }
    }

    /// Field notes, row 16: an encoder that comes back is not locked out by its dead connection, and viewers stay.
    @Test func aSilentPublisherIsReplacedAndTheViewersGoOn() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let first = try await server.publish(as: "demo")
            let file = lab.path("viewer.flv")
            let player = try await lab.startCopying(server.rtmpURL("demo"), to: file)
            _ = try await server.get("/live/streams/demo.m3u8")
            try await first.send(3)
            first.freeze()
            // An encoder tries again until it is let in.
            let second = try await eventually("somebody takes over") {
                let candidate = try await Publisher.start(to: server.rtmpURL("demo"), in: lab)
                try await eventually("let in or refused") { try candidate.child.exit != nil || candidate.sent() > 2 }
                return candidate.child.exit == nil ? candidate : nil
            }
            try await second.send(5)
            try #require(player.exit == nil, "the viewer was let down: \(player.lastWords)")
            let playlist = try await server.get("/live/streams/demo.m3u8").text
            try #require(playlist.contains("#EXT-X-DISCONTINUITY\n") && !playlist.contains("#EXT-X-ENDLIST"), "\(playlist)")
            let hls = try await lab.copy(server.playlistURL("demo"), seconds: 3)
            try #require(try await DecodedMedia.decode(hls.path, in: lab).pictures.count > 60)

            player.send(SIGINT)
            try await player.waitForExit()
            let media = try await DecodedMedia.decode(file.path, in: lab)
            let restarts = zip(media.pictures, media.pictures.dropFirst()).filter { $1.number < $0.number }
            try #require(restarts.count == 1, "it saw both publishers")
            // The pictures that the first one sent ahead, to be shown after others, may overlap with the second one's first.
            for (one, next) in zip(media.pictures, media.pictures.dropFirst()) { try #require(next.time > one.time - 0.1) }
            try media.requireSync(atLeast: 5)
        }
    }

    @Test func onlyRegisteredStreamsArePublishedWhereThatIsSet() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_PUBLISH_ACCEPT_ONLY_REGISTERED": "true"])
            let stranger = try await Publisher.start(to: server.rtmpURL("stranger"), in: lab)
            try #require(try await stranger.child.waitForExit() != .code(0))
            try #require(try await server.get("/v2/broadcasts/stranger").status == 404)
            try #require(try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"known"}"#).status == 200)
            let known = try await server.publish(as: "known")
            try #require(known.child.exit == nil)
        }
    }

    @Test func aPublisherIsSentAwayThroughTheAPI() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo","name":"Demo"}"#)
            let publisher = try await server.publish(as: "demo")
            try #require(try await server.call("POST", "/v2/broadcasts/demo/stop").json()["success"].bool == true)
            try await publisher.child.waitForExit()
            try await server.waitUntil("demo", is: "finished")
            try #require(try await server.call("POST", "/v2/broadcasts/demo/stop").json()["success"].bool == false)
            // Nothing is left that would keep it from coming back at once.
            let again = try await server.publish(as: "demo")
            try #require(again.child.exit == nil)
        }
    }

    /// An encoder that comes back with its token need not wait until its dead connection is noticed.
    @Test func theSameTokenTakesOverAtOnce() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let first = try await server.publish(as: "demo", parameters: "?token=secret&flag")
            let other = try await Publisher.start(to: server.rtmpURL("demo?token=other"), in: lab)
            try #require(try await other.child.waitForExit() != .code(0))
            try #require(first.child.exit == nil)
            let second = try await Publisher.start(to: server.rtmpURL("demo/secret"), in: lab)
            try await second.send(2)
            try await first.child.waitForExit()
            try #require(second.child.exit == nil)
            try #require(try await server.broadcast("demo")["status"].text == "broadcasting")
            try #require(try !server.child.errors().contains("secret"), "the log has the token")
        }
    }

    @Test func aStreamIsOneUnderEachNameOfTheApp() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo","metaData":"mine"}"#)
            let publisher = try await Publisher.start(to: "rtmp://127.0.0.1:\(server.rtmp)/LiveApp/demo?a=1&b", in: lab)
            try await server.waitUntil("demo", is: "broadcasting")
            for app in ["live", "LiveApp", "WebRTCAppEE"] {
                try #require(try await server.get("/\(app)/streams/demo.m3u8").status == 200, "\(app)")
                try #require(try await server.get("/\(app)/rest/v2/broadcasts/demo").json()["metaData"].text == "mine", "\(app)")
            }
            let elsewhere = try await Publisher.start(to: "rtmp://127.0.0.1:\(server.rtmp)/other/demo2", in: lab)
            try #require(try await elsewhere.child.waitForExit() != .code(0))
            try #require(publisher.child.exit == nil)
        }
    }
}
