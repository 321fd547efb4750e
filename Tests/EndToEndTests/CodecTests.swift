import Foundation
import Testing

/// Codecs of Enhanced RTMP, from the wire to a player: over HLS and as a recording.
@Suite struct CodecTests {
    @Test(arguments: [
        ("-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=25:min-keyint=25:scenecut=0 -c:a aac", "hevc", "aac"),
        ("-c:v libaom-av1 -cpu-used 8 -usage realtime -g 25 -keyint_min 25 -c:a libopus", "av1", "opus"),
    ])
    func newerCodecsAreWatchedAndRecorded(encoder: String, video: String, audio: String) async throws {
        try await Lab.run { lab in
            // Four seconds of the clip that all tests know, so that its frames can be counted.
            let clip = lab.path("clip.mp4")
            var command = ["ffmpeg", "-nostdin", "-v", "error", "-i", try await Clip.light.file().path, "-t", "5", "-fps_mode", "passthrough"]
            command += encoder.split(separator: " ").map { String($0) } + ["-b:v", "300k", "-b:a", "96k", clip.path]
            try await lab.run("encode", command, within: .seconds(180))
            // The publisher has sent everything long before everything has been looked at.
            let server = try await MartletProcess.start(
                in: lab, settings: ["MARTLET_HLS_MODE": "always", "MARTLET_RECORDING_MP4": "true", "MARTLET_RTMP_IDLE_TIMEOUT": "60s"])
            var publisher = try await EnhancedPublisher.start(clip, to: server, id: "demo")
            try await server.waitUntil("demo", is: "broadcasting")
            try await eventually("it is being recorded") { try await server.metric("recordings") == 1 }
            try publisher.sendTheRest()
            let playlist = try await eventually("two segments") {
                let text = try await server.get("/live/streams/demo.m3u8").text
                return text.ranges(of: "#EXTINF:").count >= 2 ? text : nil
            }
            try #require(publisher.isConnected, "\(playlist)")
            try #require(try await lab.codecs(of: server.playlistURL("demo")) == ["\(audio) 48000", "\(video) 320x180"].sorted())
            let master = try await server.get("/live/streams/demo_adaptive.m3u8").text
            let attributes = video == "hevc" ? ["CODECS=\"hvc1.1.", ",mp4a.40.2\""] : ["CODECS=\"av01.0.", ",opus\""]
            for attribute in attributes { try #require(master.contains(attribute), "\(master)") }

            try #require(try await server.call("POST", "/v2/broadcasts/demo/stop").json()["success"].bool == true)
            try #require(try await server.vods(of: "demo", count: 1).count == 1)
            let file = server.url("/live/streams/demo.mp4")
            try #require(try await lab.codecs(of: file) == ["\(audio) 48000", "\(video) 320x180"].sorted())
            let media = try await DecodedMedia.decode(file, in: lab)
            try media.requireEveryPicture(atLeast: 120)
            try media.requireSync(atLeast: 3)
        }
    }
}
