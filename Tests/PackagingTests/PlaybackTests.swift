import Media
import NIOCore
import Packaging
import Testing

/// What real encoders made, packaged by us, read and decoded by FFmpeg.
@Suite(.serialized) struct PlaybackTests {
    struct Probe {
        var packets = 0
        var presentation: [Double] = []
    }

    private func probe(_ path: String, stream: String) throws -> Probe {
        let listing = try Tool.run(
            "ffprobe", ["-v", "error", "-select_streams", stream, "-show_entries", "packet=pts_time", "-of", "csv=p=0", path])
        #expect(listing.errors == "")
        var probe = Probe()
        for line in listing.output.split(separator: "\n") {
            let text = line.split(separator: ",").first.map(String.init) ?? ""
            probe.presentation.append(try #require(Double(text), "pts \(line)"))
        }
        probe.packets = probe.presentation.count
        return probe
    }

    /// Every frame is decoded, nothing is complained about, and the packets are those that went in.
    private func check(_ clip: Clip, _ packaged: Packaged) throws {
        let folder = try ScratchFolder()
        let path = try folder.write(packaged.file, to: "out.mp4")
        let decoded = try Tool.run("ffmpeg", ["-v", "warning", "-xerror", "-i", path, "-f", "null", "-"])
        #expect(decoded.errors == "")
        for track in clip.tracks {
            let name = track.kind == .video ? "v" : "a"
            let probe = try self.probe(path, stream: name)
            // Only audio before the first picture may be missing: at most what a B-frame delay takes.
            let sent = clip.frames.filter { $0.track == track.id }
            #expect(probe.packets <= sent.count)
            #expect(probe.packets >= sent.count - (track.kind == .audio && clip.tracks.count > 1 ? 5 : 0))
            let sorted = probe.presentation.sorted()
            #expect(zip(sorted, sorted.dropFirst()).allSatisfy { $0 < $1 })
            let wanted = sent.map(\.presentationTime.seconds).max() ?? 0
            #expect(abs((sorted.last ?? 0) - wanted) < 0.06)
        }
    }

    @Test func h264WithBFramesAndAACPlay() throws {
        let clip = try Clip(
            Clip.picture + Clip.tone,
            codecs: ["-c:v", "libx264", "-preset", "veryfast", "-g", "60", "-bf", "2", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "64k"],
            seconds: 7)
        let packaged = try Packaged(clip.frames, of: clip.tracks)
        #expect(packaged.segments.count == 4)
        #expect(packaged.durations.prefix(3).allSatisfy { abs($0 - 2000) <= 2 })
        try self.check(clip, packaged)
        // Picture and sound of each segment begin together.
        for segment in packaged.segments {
            let movie = try packaged.movie(of: segment)
            let picture = try #require(movie.tracks[0].samples.first)
            let sound = try #require(movie.tracks[1].samples.first)
            let pictureTime = Double(picture.decodeTicks + picture.compositionTicks) / 90_000
            #expect(abs(pictureTime - Double(sound.decodeTicks) / 44_100) < 0.024)
        }
    }

    @Test(
        arguments: [
            ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=60", "-pix_fmt", "yuv420p", "-tag:v", "hvc1"],
            ["-c:v", "libsvtav1", "-preset", "12", "-g", "60", "-pix_fmt", "yuv420p"],
            ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "60", "-pix_fmt", "yuv420p"],
        ])
    func everyVideoCodecPlays(codec: [String]) throws {
        let clip = try Clip(Clip.picture, codecs: codec, seconds: 5)
        #expect(clip.tracks[0].video?.width == 334)
        let packaged = try Packaged(clip.frames, of: clip.tracks)
        #expect(packaged.segments.count >= 2)
        try self.check(clip, packaged)
    }

    @Test(arguments: [["-c:a", "libopus"], ["-c:a", "libopus", "-ac", "6"], ["-c:a", "libmp3lame"], ["-c:a", "aac", "-ar", "48000", "-ac", "2"]])
    func everyAudioCodecPlays(codec: [String]) throws {
        let clip = try Clip(Clip.tone, codecs: codec, seconds: 5)
        let packaged = try Packaged(clip.frames, of: clip.tracks)
        #expect(packaged.segments.count >= 2)
        try self.check(clip, packaged)
    }

    @Test func aPlaylistWithItsSegmentsPlays() throws {
        let clip = try Clip(
            Clip.picture + Clip.tone, codecs: ["-c:v", "libx264", "-preset", "veryfast", "-g", "30", "-pix_fmt", "yuv420p", "-c:a", "aac"], seconds: 6
        )
        let packaged = try Packaged(clip.frames, of: clip.tracks)
        let folder = try ScratchFolder()
        var playlist = MediaPlaylist(targetSeconds: 2, listSize: 10, naming: .init(segmentPrefix: "s", initPrefix: "i"))
        for initial in packaged.inits { _ = try folder.write(initial.bytes, to: "i\(initial.version).mp4") }
        for segment in packaged.segments {
            _ = try folder.write(segment.bytes, to: "s\(segment.number).m4s")
            _ = playlist.append(.init(segment, programDateTimeMilliseconds: 1_700_000_000_000 + segment.start.milliseconds))
        }
        playlist.end()
        let path = try folder.write(ByteBuffer(string: playlist.render()), to: "live.m3u8")
        let decoded = try Tool.run("ffmpeg", ["-v", "error", "-xerror", "-allowed_extensions", "ALL", "-i", path, "-f", "null", "-"])
        #expect(decoded.errors == "")
        let listing = try Tool.run(
            "ffprobe",
            [
                "-v", "error", "-allowed_extensions", "ALL", "-count_packets", "-select_streams", "v", "-show_entries", "stream=nb_read_packets",
                "-of", "csv=p=0", path,
            ])
        #expect(listing.output.hasPrefix("180"))
    }
}
