import AV
import Foundation
import Media
import Testing

@Suite struct NormalFormatTests {
    static let format = NormalFormat(
        width: 320, height: 180, frameRate: 30, videoBitrate: 400_000, keyframeInterval: 1, audioSampleRate: 48_000, channels: 2, audioBitrate: 96_000
    )

    static func normalised(_ path: String) throws -> Reading { try Reading(path, options: .init(normalTo: Self.format)) }

    @Test func everyItemHasTheSameTracksAndBothOfThemFromStartToEnd() throws {
        let clips = try Clips()
        let items = [
            try clips.clip("a.mp4", seconds: 2, video: Encoders.h264, audio: Encoders.aac),
            try clips.clip("b.ts", seconds: 2, video: Encoders.hevc, audio: nil, size: "90x160"),
            try clips.clip("c.mp3", seconds: 2, video: nil, audio: Encoders.mp3),
            try clips.clip("d.webm", seconds: 2, video: Encoders.vp9, audio: Encoders.opus, size: "640x360"),
            try clips.clip("e.mkv", seconds: 2, video: ["-c:v", "mpeg4"], audio: Encoders.mulaw, size: "176x144"),
        ]
        var tracks: [[Track]] = []
        for item in items {
            let reading = try Self.normalised(item)
            tracks += reading.announcements
            let video = try reading.span(.video, frame: 1.0 / 30)
            let audio = try reading.span(.audio, frame: 1024.0 / 48_000)
            #expect(abs(video.end - video.start - 2) < 0.08)
            #expect(abs(video.start - audio.start) < 0.013)
            #expect(abs(video.end - audio.end) < 0.022)
            for (number, frame) in reading.video.enumerated() {
                #expect(abs((frame.decodeTime - reading.video[0].decodeTime).seconds - Double(number) / 30) < 0.000_002)
                #expect(frame.compositionOffset == .zero)
                #expect(frame.isKeyframe == (number % 30 == 0))
            }
            let target = clips.path("target.mp4")
            try reading.write(target)
            #expect(try Clips.decodingErrors(target) == "")
        }
        #expect(tracks.count == items.count)
        #expect(Set(tracks).count == 1)
        #expect(tracks[0].map(\.codec) == [.h264, .aac])
        #expect(tracks[0][0].video == VideoFormat(width: 320, height: 180, frameRate: 30))
        #expect(tracks[0][1].audio == AudioFormat(sampleRate: 48_000, channelCount: 2, samplesPerPacket: 1024))
    }

    @Test func aPictureOfAnotherShapeStandsBetweenBlackBars() throws {
        let clips = try Clips()
        let white = clips.path("white.mp4")
        try Clips.run(
            "ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "color=white:size=90x90:rate=25:duration=1"] + Encoders.h264 + [white])
        let target = clips.path("target.mp4")
        try Self.normalised(white).write(target)
        let raw = clips.path("frame.gray")
        try Clips.run("ffmpeg", ["-v", "error", "-i", target, "-frames:v", "1", "-vf", "extractplanes=y", "-f", "rawvideo", raw])
        let pixels = try Data(contentsOf: URL(fileURLWithPath: raw))
        try #require(pixels.count == 320 * 180)
        let row = pixels[90 * 320..<91 * 320]
        let first = row.startIndex
        // 180 of 320 columns in the middle.
        #expect(row[first + 20] < 30)
        #expect(row[first + 60] < 30)
        #expect(row[first + 80] > 200)
        #expect(row[first + 160] > 200)
        #expect(row[first + 240] > 200)
        #expect(row[first + 300] < 30)
    }

    @Test func aSlowAndAFastSourceComeOutAtTheSameRate() throws {
        let clips = try Clips()
        for rate in [10, 60] {
            let path = clips.path("r\(rate).mp4")
            try Clips.run(
                "ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=\(rate):duration=2"] + Encoders.h264 + [path])
            let reading = try Self.normalised(path)
            #expect(abs(reading.video.count - 60) <= 3)
        }
    }

    @Test func beepsStayWhereTheyWere() throws {
        let clips = try Clips()
        let path = clips.path("beeps.mkv")
        try Clips.run(
            "ffmpeg",
            [
                "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=5", "-f", "lavfi", "-i",
                "aevalsrc='if(lt(mod(t,1),0.1),sin(2*PI*1000*t),0)':s=44100:d=5",
            ] + Encoders.h264 + Encoders.pcm + [path])
        let target = clips.path("target.mp4")
        try Self.normalised(path).write(target)
        let silences = try Clips.run(
            "ffmpeg", ["-v", "info", "-copyts", "-i", target, "-af", "silencedetect=noise=-30dB:d=0.3", "-vn", "-f", "null", "-"])
        let ends = silences.matches(of: #/silence_end: ([0-9.]+)/#).compactMap { Double($0.1) }
        #expect(ends.count >= 4)
        for end in ends.prefix(4) { #expect(abs(end - end.rounded()) < 0.03) }
    }

    @Test func aSeekInANormalisedItemStartsBothTracksThere() throws {
        let clips = try Clips()
        let path = try clips.clip("source.mp4", seconds: 4, video: Encoders.h264, audio: Encoders.aac)
        let reader = try FrameReader(Demuxer(path: path), options: .init(normalTo: Self.format))
        _ = try Reading(reader, atMost: 20)
        try reader.seek(to: MediaTime(milliseconds: 2_500))
        let rest = try Reading(reader)
        #expect(rest.announcements.isEmpty)
        let (picture, sound) = (try #require(rest.video.first), try #require(rest.audio.first))
        #expect(picture.isKeyframe)
        #expect(abs(picture.decodeTime.seconds - 2) < 0.05)
        #expect(abs(sound.decodeTime.seconds - 2) < 0.05)
    }
}
