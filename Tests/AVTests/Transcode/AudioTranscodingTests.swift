import AV
import Foundation
import Media
import Testing

@Suite struct AudioTranscodingTests {
    struct Source: Sendable, CustomStringConvertible {
        var container: String
        var audio: [String]
        var rate: Int
        var channels: Int
        var description: String { "\(self.container) \(self.audio.joined(separator: " "))" }
    }

    static let sources = [
        Source(container: "mkv", audio: Encoders.alaw, rate: 48_000, channels: 1),
        Source(container: "wav", audio: Encoders.mulaw, rate: 48_000, channels: 1),
        Source(container: "wav", audio: Encoders.pcm, rate: 44_100, channels: 2),
        Source(container: "mov", audio: Encoders.pcm, rate: 44_100, channels: 2),
        Source(container: "flac", audio: ["-c:a", "flac", "-ar", "96000", "-ac", "2"], rate: 48_000, channels: 2),
        Source(container: "mkv", audio: ["-c:a", "ac3", "-ac", "6"], rate: 48_000, channels: 2),
        Source(container: "ts", audio: ["-c:a", "mp2"], rate: 48_000, channels: 1),
    ]

    @Test(arguments: sources) func soundOfOtherCodecsBecomesAACOfTheSameLength(source: Source) throws {
        let clips = try Clips()
        let path = try clips.clip("source.\(source.container)", seconds: 3, video: nil, audio: source.audio)
        let start = try #require(ProbedPacket.all(path, "a:0").first?.presentation)
        let reading = try Reading(path)
        let track = try reading.track(.audio)
        #expect(track.codec == .aac)
        #expect(track.audio == AudioFormat(sampleRate: source.rate, channelCount: source.channels, samplesPerPacket: 1024))
        let frame = 1024 / Double(source.rate)
        let span = try reading.span(.audio, frame: frame)
        #expect(abs(span.start - start) < 0.02)
        #expect(abs(span.end - start - 3) < 0.02)
        for (one, next) in zip(reading.audio, reading.audio.dropFirst()) {
            #expect(abs((next.decodeTime - one.decodeTime).seconds - frame) < 0.001)
        }
        let target = clips.path("target.mp4")
        try reading.write(target)
        #expect(try Clips.decodingErrors(target) == "")
        #expect(try Self.meanVolume(target) > -30)
    }

    @Test func transcodedSoundStaysWithThePictures() throws {
        let clips = try Clips()
        // A beep in the first tenth of each second, while the picture is white.
        let path = clips.path("beeps.mkv")
        try Clips.run(
            "ffmpeg",
            [
                "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=6", "-f", "lavfi", "-i",
                "aevalsrc='if(lt(mod(t,1),0.1),sin(2*PI*1000*t),0)':s=8000:d=6",
            ] + Encoders.h264 + Encoders.alaw + [path])
        let reading = try Reading(path)
        #expect(reading.tracks.map(\.codec) == [.h264, .aac])
        let target = clips.path("target.mp4")
        try reading.write(target)
        let silences = try Clips.run(
            "ffmpeg", ["-v", "info", "-copyts", "-i", target, "-af", "silencedetect=noise=-30dB:d=0.3", "-vn", "-f", "null", "-"])
        let ends = silences.matches(of: #/silence_end: ([0-9.]+)/#).compactMap { Double($0.1) }
        // The file starts a second late, see `Reading.write`.
        #expect(ends.count >= 5)
        for end in ends.prefix(5) { #expect(abs(end - end.rounded()) < 0.03) }
    }

    @Test func aGapInTheSoundIsFilledWithSilenceAndALongOneIsAJump() throws {
        let clips = try Clips()
        let path = try clips.clip("source.mkv", seconds: 2, video: nil, audio: Encoders.alaw)
        for (gap, largestStep) in [(0.5, 0.022), (30.0, 30.1)] {
            let list = clips.path("list-\(gap).mkv")
            try Clips.run(
                "ffmpeg",
                ["-v", "error", "-i", path, "-c", "copy", "-bsf:a", "setts=pts=if(gte(PTS\\,1000)\\,PTS+\(Int(gap * 1000))\\,PTS)", "-y", list])
            let reading = try Reading(list)
            let span = try reading.span(.audio, frame: 1024 / 48_000)
            #expect(abs(span.end - 2 - gap) < 0.03)
            let steps = zip(reading.audio, reading.audio.dropFirst()).map { ($1.decodeTime - $0.decodeTime).seconds }
            #expect(try #require(steps.max()) < largestStep)
            #expect(try #require(steps.min()) > 0)
        }
    }

    @Test func withoutTranscodingThePicturesRemain() throws {
        let clips = try Clips()
        let path = try clips.clip("source.mkv", video: Encoders.h264, audio: Encoders.alaw)
        #expect(try Reading(path, options: .init(transcodesAudio: false)).tracks.map(\.codec) == [.h264])
        #expect(try Reading(path).tracks.map(\.codec) == [.h264, .aac])
    }

    static func meanVolume(_ path: String) throws -> Double {
        let text = try Clips.run("ffmpeg", ["-v", "info", "-i", path, "-af", "volumedetect", "-vn", "-f", "null", "-"])
        return try #require(text.firstMatch(of: #/mean_volume: (-?[0-9.]+) dB/#).flatMap { Double($0.1) })
    }
}
