import Foundation
import Glibc
import Testing

/// From an encoder over SRT to viewers.
@Suite struct SRTPublishTests {
    @Test func whatComesOverSRTIsSeenOverRTMPAndHLSInSync() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab, settings: PatientSRT.settings)
            let publisher = try await server.publishOverSRT(as: "demo", ["latency": PatientSRT.latency])
            let broadcast = try await server.broadcast("demo")
            try #require(broadcast["publishType"].text == "SRT")
            try #require(broadcast["width"].number == 320 && broadcast["height"].number == 180)
            try #require(try await lab.codecs(of: server.rtmpURL("demo")) == ["aac 48000", "h264 320x180"])
            async let rtmp = lab.copy(server.rtmpURL("demo"), seconds: 6)
            async let hls = lab.copy(server.playlistURL("demo"), seconds: 6)
            for copy in try await [rtmp, hls] {
                let media = try await DecodedMedia.decode(copy.path, in: lab)
                try media.requireEveryPicture(atLeast: 140)
                try media.requireSync(atLeast: 4)
            }
            let transport = try await eventually("the figures of the way are known") { () -> JSON? in
                let transport = try await server.broadcast("demo")["transport"]
                return (transport["packetsReceived"].number ?? 0) > 100 ? transport : nil
            }
            try #require(transport["packetsDropped"].number == 0 && transport["latencyMs"].number == 4000)
            try #require(try await server.get("/v2/broadcasts/demo/stream-info").json()[0]["transport"]["rttMs"].number != nil)
            try await publisher.stop()
            try await eventually("the stream has ended") { try await server.metric("srt_connections") == 0 }
            try await eventually("its broadcast went with it") { try await server.get("/v2/broadcasts/demo").status == 404 }
        }
    }

    @Test(arguments: [
        (
            ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "keyint=25:min-keyint=25:log-level=error", "-c:a", "copy"],
            ["aac 48000", "hevc 320x180"]
        ),
        (["-c:v", "copy", "-c:a", "mp2", "-b:a", "128k"], ["aac 48000", "h264 320x180"]),
        (["-c:v", "copy", "-c:a", "libopus", "-b:a", "96k"], ["h264 320x180", "opus 48000"]),
    ])
    func otherCodecsComeThroughToo(codecs: [String], seen: [String]) async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab, settings: PatientSRT.settings)
            let publisher = try await server.publishOverSRT(as: "demo", ["latency": PatientSRT.latency], codecs: codecs)
            try #require(try await lab.codecs(of: server.playlistURL("demo")) == seen)
            let media = try await DecodedMedia.decode(try await lab.copy(server.playlistURL("demo"), seconds: 5).path, in: lab)
            try media.requireEveryPicture(atLeast: 110)
            try media.requireSync(atLeast: 3)
            try #require(publisher.child.exit == nil)
        }
    }

    @Test(arguments: ["publish:demo", "publish:live/demo:bob:secret", "#!::r=demo,m=publish", "live/demo,token=abc", "LiveApp/demo"])
    func everyFormOfStreamIDPublishes(streamID: String) async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let publisher = try await server.publishOverSRT(as: "demo", streamID: streamID)
            try #require(try await server.broadcast("demo")["publishType"].text == "SRT")
            // The default, where nobody asks for more.
            try await eventually("its latency is told") { try await server.broadcast("demo")["transport"]["latencyMs"].number == 120 }
            try await publisher.stop()
        }
    }

    /// Not ffmpeg's SRT on the other side, and a file instead of an encoder.
    @Test func srtLiveTransmitIsAnEncoderToo() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab, settings: PatientSRT.settings)
            let port = try freePort()
            let encoder = try await Publisher.start(to: "udp://127.0.0.1:\(port)?pkt_size=1316", format: "mpegts", in: lab)
            // Its latency is in milliseconds.
            let url = "srt://127.0.0.1:\(try #require(server.srt))?latency=4000&streamid=#!::r=demo,m=publish"
            _ = try await lab.start("transmit", ["srt-live-transmit", "udp://127.0.0.1:\(port)", url])
            try await server.waitUntil("demo", is: "broadcasting")
            let media = try await DecodedMedia.decode(try await lab.copy(server.rtmpURL("demo"), seconds: 5).path, in: lab)
            try media.requireEveryPicture(atLeast: 110)
            try #require(encoder.child.exit == nil)
        }
    }

    @Test func gstreamerIsAnEncoderToo() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab, settings: PatientSRT.settings)
            let clip = try await Clip.plain.file()
            _ = try await lab.start(
                "gstreamer",
                [
                    "gst-launch-1.0", "filesrc", "location=\(clip.path)", "!", "flvdemux", "name=in", "mpegtsmux", "name=out", "alignment=7", "!",
                    "srtsink", "uri=srt://127.0.0.1:\(try #require(server.srt))?mode=caller", "streamid=publish:demo", "latency=4000", "sync=true",
                    "in.video", "!", "queue", "!", "h264parse", "config-interval=-1", "!", "out.", "in.audio", "!", "queue", "!", "aacparse", "!",
                    "out.",
                ])
            try await server.waitUntil("demo", is: "broadcasting")
            let media = try await DecodedMedia.decode(try await lab.copy(server.rtmpURL("demo"), seconds: 5).path, in: lab)
            try media.requireEveryPicture(atLeast: 110)
            try media.requireSync(atLeast: 3)
        }
    }

    /// A power failure at the encoder: nobody says goodbye, and the same stream goes on with the one that comes back.
    @Test func anEncoderThatWasKilledComesBack() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let first = try await server.publishOverSRT(.plain, as: "demo", streamID: "live/demo,token=mine")
            let file = lab.path("seam.flv")
            let viewer = try await lab.startCopying(server.rtmpURL("demo"), to: file)
            try await eventually("somebody watches") { try await server.broadcast("demo")["rtmpViewerCount"].number == 1 }
            try await first.send(3)
            first.child.send(SIGKILL)
            try await first.child.waitForExit()
            // Known by its token, it need not wait until the one before it counts as silent.
            let second = try await Publisher.start(.plain, to: try server.srtURL("live/demo,token=mine"), in: lab)
            try await second.send(4)
            try await eventually("one publisher is left") { try await server.metric("srt_connections") == 1 }
            try #require(viewer.exit == nil)
            try await second.stop()
            try await viewer.waitForExit()
            let media = try await DecodedMedia.decode(file.path, in: lab)
            // Both parts are there, one after the other on one clock.
            try #require(media.pictures.count >= 140, "\(media.pictures.count) pictures")
            let steps = zip(media.pictures, media.pictures.dropFirst()).map { $1.time - $0.time }
            try #require(steps.allSatisfy { $0 > 0 && $0 < 1 }, "times go on: \(steps.max() ?? 0)")
            try #require(zip(media.pictures, media.pictures.dropFirst()).count { $1.number < $0.number } == 1, "the clip began again once")
        }
    }

    @Test func aStreamThatIsStoppedOrDeletedDisconnectsItsEncoder() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let publisher = try await server.publishOverSRT(as: "demo")
            try #require(try await server.call("POST", "/v2/broadcasts/demo/stop").status == 200)
            try await eventually("the encoder was disconnected") { publisher.child.exit != nil }
            try await eventually("no connection is left") { try await server.metric("srt_connections") == 0 }
        }
    }

    @Test func aStoppingServerDisconnectsEverybodyAndEndsCleanly() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let publisher = try await server.publishOverSRT(as: "demo")
            let viewer = try await lab.startCopying(try server.srtURL("read:demo"), to: lab.path("copy.mkv"))
            try await eventually("the viewer watches") { try await server.broadcast("demo")["srtViewerCount"].number == 1 }
            try await server.stop()
            try await eventually("both know") { publisher.child.exit != nil && viewer.exit != nil }
        }
    }

    @Test func whatIsNoTransportStreamEndsTheConnectionAndNothingElse() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let other = try await server.publishOverSRT(as: "other")
            let noise = try await lab.start(
                "noise",
                [
                    "ffmpeg", "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", "anoisesrc=r=48000", "-ac", "2", "-f", "s16le",
                    try server.srtURL("publish:noise", ["pkt_size": "1316"]),
                ])
            try await eventually("it was sent away") { noise.exit != nil }
            try await eventually("only the other is there") { try await server.metric("srt_connections") == 1 }
            try #require(try server.log().contains { $0["message"].text == "SRT publisher sends what cannot be read" })
            try await other.send(1)
            try #require(try await server.broadcast("other")["status"].text == "broadcasting")
        }
    }
}
