import AV
import Media
import Testing

/// Encoders of what WebM holds.
@Suite struct WebMEncodingTests {
    private func frames(_ path: String) throws -> (tracks: [Track], frames: [EncodedFrame]) {
        let demuxer = try Demuxer(path: path)
        let tracks = demuxer.tracks
        var frames: [EncodedFrame] = []
        let packet = try Packet()
        while try demuxer.read(into: packet) {
            let index = packet.streamIndex
            let frame = packet.frame(of: tracks[index], timescale: demuxer.streams[index].timescale)
            frames.append(try #require(frame))
        }
        return (tracks, frames)
    }

    private func write(_ frames: [EncodedFrame], of track: Track, to path: String) throws {
        let muxer = try Muxer(format: "webm", tracks: [track], sink: try FileSink(path: path, creation: .exclusive))
        for frame in frames {
            let time = frame.decodeTime.ticks(timescale: UInt32(muxer.timescale(of: 0)))
            try muxer.write(
                Packet(payload: frame.payload, streamIndex: 0, decodeTime: time, presentationTime: time, duration: 0, isKeyframe: frame.isKeyframe))
        }
        try muxer.finish()
    }

    @Test(arguments: [Codec.aac, .opus]) func soundKeepsItsChannelsApart(codec: Codec) throws {
        let clips = try Clips()
        let source = clips.path("source.mp4")
        try Clips.run(
            "ffmpeg",
            [
                "-v", "error", "-f", "lavfi", "-i", "aevalsrc='0.5*sin(2*PI*440*t)|0':s=44100:d=2", "-c:a", codec == .opus ? "aac" : "libopus",
            ] + (codec == .opus ? [] : ["-ar", "48000"]) + [source])
        let (tracks, frames) = try self.frames(source)
        let encoder = try SoundEncoder(try #require(tracks.first), bitrate: 96_000, codec: codec)
        #expect(encoder.track.codec == codec)
        #expect(encoder.track.audio?.channelCount == 2)
        var encoded: [EncodedFrame] = []
        for frame in frames { try encoder.encode(frame, into: &encoded) }
        try encoder.finish(into: &encoded)
        let length = codec == .opus ? 0.02 : 1024 / Double(encoder.track.audio?.sampleRate ?? 1)
        #expect(abs(Double(encoded.count) * length - 2) < 0.1)
        guard codec == .opus else { return }
        let target = clips.path("target.webm")
        try self.write(encoded, of: encoder.track, to: target)
        #expect(try Clips.decodingErrors(target) == "")
        func volume(_ channel: Int) throws -> Double {
            let text = try Clips.run("ffmpeg", ["-v", "info", "-i", target, "-af", "pan=mono|c0=c\(channel),volumedetect", "-f", "null", "-"])
            let line = try #require(text.split(separator: "\n").first { $0.contains("mean_volume:") })
            return try #require(line.split(separator: " ").dropLast().last.flatMap { Double($0) })
        }
        #expect(try volume(0) > -12)
        #expect(try volume(1) < -40)
    }

    @Test(arguments: [Codec.vp8, .vp9]) func picturesKeepTheirTimesAndKeyframesComeWhereTheyAreAskedFor(codec: Codec) throws {
        let clips = try Clips()
        let (tracks, frames) = try self.frames(try clips.make("source.mp4", video: Encoders.h264, audio: nil))
        let decoder = try Decoder(try #require(tracks.first))
        var format = Encoder.Video(width: 80, height: 44, frameRate: 25, bitrate: 200_000, keyframeInterval: 0, codec: codec)
        format.speed = 16
        let encoder = try PictureEncoder(format)
        #expect(encoder.track.codec == codec)
        let picture = try DecodedFrame()
        var (encoded, times): ([EncodedFrame], [MediaTime]) = ([], [])
        func drain() throws {
            while try decoder.receive(into: picture) {
                let shown = picture.presentationTime
                let time = try #require(shown)
                times.append(time)
                try encoder.encode(picture, at: time, isKeyframe: times.count % 20 == 1, into: &encoded)
            }
        }
        for frame in frames {
            try decoder.send(try Packet(frame))
            try drain()
        }
        try decoder.finish()
        try drain()
        try encoder.finish(into: &encoded)
        #expect(encoded.count == 50)
        #expect(encoded.map(\.decodeTime) == times)
        for index in [0, 20, 40] { #expect(encoded[index].isKeyframe) }
        let refreshed = try encoder.track.refreshed(byKeyframe: encoded[0].payload) ?? encoder.track
        #expect(refreshed.video?.width == 80)
        #expect(refreshed.video?.height == 44)
        let target = clips.path("target.webm")
        try self.write(encoded, of: refreshed, to: target)
        #expect(try Clips.decodingErrors(target) == "")
        #expect(try Clips.streams(target, "codec_name,width,height") == ["\(codec.rawValue),80,44"])
    }
}
