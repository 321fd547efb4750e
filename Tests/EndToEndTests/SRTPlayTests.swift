import Foundation
import Testing

/// From a publisher to viewers over SRT.
@Suite struct SRTPlayTests {
    @Test func twoViewersGetEveryFrameInSyncWhateverItWasPublishedBy() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let publisher = try await server.publish(as: "demo")
            try await publisher.send(2)
            async let first = lab.copy(try server.srtURL("read:demo", ["latency": PatientSRT.latency]), seconds: 6)
            async let second = lab.copy(try server.srtURL("#!::r=live/demo,m=request", ["latency": PatientSRT.latency]), seconds: 6)
            try await eventually("both watch") { try await server.broadcast("demo")["srtViewerCount"].number == 2 }
            try #require(try await server.broadcast("demo")["anyoneWatching"].bool == true)
            for copy in try await [first, second] {
                try #require(try await lab.codecs(of: copy.path) == ["aac 48000", "h264 320x180"])
                let media = try await DecodedMedia.decode(copy.path, in: lab)
                try media.requireEveryPicture(atLeast: 140)
                try media.requireSync(atLeast: 4)
                // Whoever comes late begins with a keyframe, and that is the first frame of a second of the clip.
                try #require(media.pictures[0].number % Clip.frameRate == 0)
            }
            try await eventually("no viewer is counted any more") { try await server.broadcast("demo")["srtViewerCount"].number == 0 }
            try #require(try await server.metric("srt_viewer_skips_total") == 0)
        }
    }

    @Test(arguments: [
        (Clip.mp3, ["-c", "copy"], ["h264 320x180", "mp3 44100"]),
        (Clip.light, ["-c:v", "copy", "-c:a", "libopus"], ["h264 320x180", "opus 48000"]),
        (
            Clip.light, ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "keyint=25:log-level=error", "-c:a", "copy"],
            ["aac 48000", "hevc 320x180"]
        ),
        (Clip.soundOnly, ["-c", "copy"], ["aac 48000"]),
        (Clip.pictureOnly, ["-c", "copy"], ["h264 320x180"]),
    ])
    func everyCodecOfATransportStreamGoesOutAgain(clip: Clip, codecs: [String], seen: [String]) async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab, settings: PatientSRT.settings)
            let publisher = try await server.publishOverSRT(clip, as: "demo", ["latency": PatientSRT.latency], codecs: codecs)
            let copy = try await lab.copy(try server.srtURL("read:demo", ["latency": PatientSRT.latency]), seconds: 4)
            try #require(try await lab.codecs(of: copy.path) == seen)
            if clip != .soundOnly {
                let media = try await DecodedMedia.decode(copy.path, hasSound: clip != .pictureOnly, in: lab)
                try media.requireEveryPicture(atLeast: 85)
            }
            try #require(publisher.child.exit == nil)
        }
    }

    @Test func aViewerWhoComesTooEarlyWaitsAndOneOfNothingAtAllIsTurnedAway() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let unknown = try await lab.start(
                "early", ["ffmpeg", "-nostdin", "-v", "error", "-i", try server.srtURL("read:demo"), "-f", "null", "-"])
            try #require(try await unknown.waitForExit() != .code(0))
            // A caller that is answered late has asked more than once.
            let refusals = try await server.srtRefusals()
            try #require(Array(refusals.keys) == ["1404"], "\(refusals)")

            try #require(try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo"}"#).status == 200)
            let file = lab.path("early.mkv")
            let player = try await lab.startCopying(try server.srtURL("read:demo", ["latency": PatientSRT.latency]), seconds: 4, to: file)
            try await eventually("the player waits") { try await server.metric("srt_connections") == 1 }
            let publisher = try await server.publish(as: "demo")
            try #require(try await player.waitForExit() == .code(0))
            let media = try await DecodedMedia.decode(file.path, in: lab)
            try media.requireEveryPicture(atLeast: 85)
            try #require(media.pictures[0].number == 0, "it was there before the first frame")
            try #require(publisher.child.exit == nil)
        }
    }

    /// Issue: a stalled viewer changes nothing for anyone else.
    @Test func aStalledViewerCostsTheOthersNothingAndIsGivenUp() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let publisher = try await server.publish(.heavy, as: "demo", loops: true)
            let stalled = try await lab.startCopying(try server.srtURL("read:demo"), to: lab.path("stalled.mkv"))
            try await eventually("the viewer watches") { try await server.broadcast("demo")["srtViewerCount"].number == 1 }
            stalled.send(SIGSTOP)
            let copy = try await lab.copy(try server.srtURL("read:demo", ["latency": PatientSRT.latency]), seconds: 8)
            let media = try await DecodedMedia.decode(copy.path, in: lab)
            try media.requireEveryPicture(atLeast: 190)
            try await eventually("the stalled viewer is given up") { try await server.metric("srt_connections") == 0 }
            try #require(publisher.child.exit == nil)
        }
    }

    @Test func srtCanBeSwitchedOffOrOnlyForViewers() async throws {
        try await Lab.run { lab in
            let off = try await MartletProcess.start(in: lab, settings: ["MARTLET_SRT_ENABLED": "false"])
            try #require(off.srt == nil)
            try await off.stop()
            let server = try await off.restarted(settings: ["MARTLET_SRT_PLAY": "false"])
            let publisher = try await server.publishOverSRT(as: "demo")
            let viewer = try await lab.start(
                "viewer", ["ffmpeg", "-nostdin", "-v", "error", "-i", try server.srtURL("read:demo"), "-f", "null", "-"])
            try #require(try await viewer.waitForExit() != .code(0))
            // A caller that is answered late has asked more than once.
            let refusals = try await server.srtRefusals()
            try #require(Array(refusals.keys) == ["1405"], "\(refusals)")
            try #require(publisher.child.exit == nil)
        }
    }
}
