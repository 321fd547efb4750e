import Foundation
import Media
import Streams
import TestSupport
import Testing

@testable import Outputs

/// What is in the files, as ffprobe and ffmpeg see it.
@Suite struct RecorderMediaTests {
    struct Pair: Sendable, CustomStringConvertible {
        var video: [String]?
        var audio: [String]?
        var codecs: [String]
        var description: String { self.codecs.joined(separator: "+") }
    }

    static let pairs = [
        Pair(video: Clip.h264, audio: Clip.aac, codecs: ["h264", "aac"]),
        Pair(video: Clip.h264, audio: Clip.mp3, codecs: ["h264", "mp3"]),
        Pair(video: Clip.hevc, audio: Clip.opus, codecs: ["hevc", "opus"]),
        Pair(video: Clip.av1, audio: Clip.opus, codecs: ["av1", "opus"]),
        Pair(video: Clip.vp9, audio: Clip.opus, codecs: ["vp9", "opus"]),
        Pair(video: Clip.h264, audio: nil, codecs: ["h264"]),
        Pair(video: nil, audio: Clip.aac, codecs: ["aac"]),
        Pair(video: nil, audio: Clip.opus, codecs: ["opus"]),
    ]

    @Test(arguments: pairs) func everythingThatWasPublishedIsInThePlainFile(pair: Pair) async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: pair.video, audio: pair.audio, in: bench.folder)
        let recorder = bench.recorder()
        let started = try recorder.start()
        #expect(started.temporaryPath == bench.folder.path + "/cam.mp4.tmp_extension")
        #expect(FileManager.default.fileExists(atPath: started.temporaryPath))
        let publisher = try bench.publisher(of: clip)
        bench.publish(clip.inMilliseconds, to: publisher)
        publisher.end(.finished)
        await recorder.waitUntilEnded()
        let outcome = try #require(bench.outcomes.value.first)
        #expect(bench.outcomes.value.count == 1)
        #expect(bench.closed.value == 1)
        #expect(recorder.state == .ended)
        #expect(outcome.failure == nil)
        #expect(outcome.id == "abcdefghijklmnopqrstuvwx")
        #expect(outcome.path == bench.folder.path + "/cam.mp4")
        #expect(outcome.startedAtMilliseconds == started.startedAtMilliseconds)
        #expect(abs(outcome.durationMilliseconds - 6000) <= 100)
        #expect(try bench.folder.files() == ["cam.mp4"])
        let inspection = try Inspection(outcome.path)
        #expect(inspection.codecs == pair.codecs)
        #expect(inspection.errors == "")
        #expect(inspection.decodeTimesRise)
        #expect(abs(inspection.duration - 6) < 0.1)
        if pair.video != nil { #expect(inspection.packets(of: "video").count == 150) }
        if pair.audio != nil { #expect(abs(inspection.packets(of: "audio").count - clip.frames.filter { $0.kind == .audio }.count) <= 3) }
        if pair.codecs.count == 2 { #expect(abs(inspection.startOffset) < 0.04) }
        #expect(try topLevelBoxes(outcome.path).prefix(2) == ["ftyp", "moov"])
        #expect(RecordingDisk.size(of: outcome.path) == outcome.bytes)
    }

    @Test(arguments: [pairs[0], pairs[2]]) func aRecordingStartedInMidGroupBeginsAtTheLastKeyframeInSync(pair: Pair) async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: pair.video, audio: pair.audio, in: bench.folder)
        let frames = clip.inMilliseconds
        let publisher = try bench.publisher(of: clip)
        let half = try #require(frames.firstIndex { $0.decodeTime >= MediaTime(milliseconds: 3_500) })
        bench.publish(frames[..<half], to: publisher)
        let recorder = bench.recorder()
        _ = try recorder.start()
        bench.publish(frames[half...], to: publisher)
        recorder.stop()
        await recorder.waitUntilEnded()
        let outcome = try #require(bench.outcomes.value.first)
        let inspection = try Inspection(outcome.path)
        #expect(outcome.failure == nil)
        #expect(inspection.errors == "")
        #expect(inspection.packets(of: "video").first?.isKeyframe == true)
        #expect(inspection.packets(of: "video").count == 75)
        #expect(abs(inspection.startOffset) < 0.04)
        #expect(abs(inspection.duration - 3) < 0.1)
    }

    /// Sound and pictures that belong together in the source do so in the file: measured on a flash and a beep at the same moments.
    @Test func aFlashAndItsBeepStayTogetherWhenStartedInMidGroup() async throws {
        let bench = try RecordingBench()
        let flash = "color=black:size=160x90:rate=25:duration=6,drawbox=color=white:t=fill:enable='lt(mod(t,1),0.08)'"
        let beep = "sine=frequency=1000:sample_rate=48000:duration=6,volume='if(lt(mod(t,1),0.08),1,0)':eval=frame"
        let clip = try Clip(filters: (flash, beep), video: Clip.h264, audio: Clip.aac, in: bench.folder)
        let frames = clip.inMilliseconds
        let publisher = try bench.publisher(of: clip)
        let half = try #require(frames.firstIndex { $0.decodeTime >= MediaTime(milliseconds: 2_300) })
        bench.publish(frames[..<half], to: publisher)
        let recorder = bench.recorder()
        _ = try recorder.start()
        bench.publish(frames[half...], to: publisher)
        recorder.stop()
        await recorder.waitUntilEnded()
        let (starts, beeps) = try flashesAndBeeps(try #require(bench.outcomes.value.first).path)
        #expect(beeps.count >= 3)
        for beep in beeps where beep < 3.9 {
            let nearest = try #require(starts.min { abs($0 - beep) < abs($1 - beep) })
            #expect(abs(nearest - beep) < 0.04, "flash \(nearest), beep \(beep)")
        }
    }

    @Test func aStreamWhoseTracksAreChangedGoesOnInAnotherFile() async throws {
        let bench = try RecordingBench()
        let small = try Clip(video: Clip.h264, audio: Clip.aac, seconds: 3, in: bench.folder)
        let large = try Clip(video: Clip.h264, audio: Clip.aac, seconds: 3, size: "320x180", in: bench.folder)
        let recorder = bench.recorder()
        let started = try recorder.start()
        let publisher = try bench.publisher(of: small)
        bench.publish(small.frames, to: publisher)
        for track in large.tracks { publisher.announce(track) }
        bench.publish(large.frames(after: MediaTime(milliseconds: 3_000)), to: publisher)
        publisher.end(.finished)
        await recorder.waitUntilEnded()
        let outcomes = bench.outcomes.value.sorted { $0.part < $1.part }
        #expect(outcomes.map(\.fileName) == ["cam.mp4", "cam_1.mp4"])
        #expect(outcomes.map(\.part) == [0, 1])
        #expect(outcomes.allSatisfy { $0.failure == nil })
        #expect(outcomes.first?.id == started.id)
        #expect(bench.laterFiles.value.map(\.id) == outcomes.dropFirst().map(\.id))
        #expect(outcomes.last?.id.count == 24)
        #expect(bench.closed.value == 1)
        for (outcome, width) in zip(outcomes, ["160", "320"]) {
            let inspection = try Inspection(outcome.path)
            #expect(inspection.errors == "")
            #expect(abs(inspection.duration - 3) < 0.1)
            #expect(abs(inspection.startOffset) < 0.04)
            #expect(inspection.packets(of: "video").count == 75)
            let found = try Tool.output(
                of: "ffprobe", ["-v", "error", "-select_streams", "v", "-show_entries", "stream=width", "-of", "csv=p=0", outcome.path])
            #expect(found == width)
        }
    }

    @Test func anotherPublisherWithTheSameConfigurationGoesOnInTheSameFile() async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: Clip.h264, audio: Clip.aac, seconds: 3, in: bench.folder)
        let recorder = bench.recorder()
        _ = try recorder.start()
        let first = try bench.publisher(of: clip, credential: "same")
        bench.publish(clip.frames, to: first)
        let second = try bench.publisher(of: clip, credential: "same")
        // It joins in the middle of a group: those pictures cannot be shown.
        bench.publish(clip.frames.dropFirst(40), to: second)
        second.end(.finished)
        await recorder.waitUntilEnded()
        #expect(bench.outcomes.value.map(\.fileName) == ["cam.mp4"])
        let inspection = try Inspection(try #require(bench.outcomes.value.first).path)
        #expect(inspection.errors == "")
        #expect(inspection.decodeTimesRise)
        #expect(inspection.packets(of: "video").count == 75 + 50)
    }

    @Test func aReaderThatFallsBehindLosesWholeGroupsAndKeepsTheGap() async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: Clip.h264, audio: Clip.aac, in: bench.folder)
        // Room for two seconds of the six that come before the first frame is taken.
        let recorder = bench.recorder(
            configuration: .init(minimumFreeBytes: 0, queue: .init(bytes: 8 << 20, duration: MediaTime(milliseconds: 2_000))))
        _ = try recorder.start()
        let publisher = try bench.publisher(of: clip)
        bench.publish(clip.frames, to: publisher)
        publisher.end(.finished)
        await recorder.waitUntilEnded()
        let outcome = try #require(bench.outcomes.value.first)
        #expect(outcome.failure == nil)
        let inspection = try Inspection(outcome.path)
        // On a slow machine the recorder may keep up with the loop that publishes; then nothing may be missing.
        #expect(outcome.droppedFrames > 0 || inspection.packets(of: "video").count == clip.frames.count { $0.kind == .video })
        #expect(inspection.errors == "")
        #expect(inspection.packets(of: "video").first?.isKeyframe == true)
        // Whatever was lost, what is left has its own time: both tracks end together, six seconds after the first keyframe that came or sooner.
        let ends = ["video", "audio"].map { inspection.packets(of: $0).map(\.presentation).max() ?? 0 }
        #expect(abs(ends[0] - ends[1]) < 0.08)
    }
}

func topLevelBoxes(_ path: String) throws -> [String] {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    var types: [String] = []
    var position = 0
    while position + 8 <= data.count {
        let size = data[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
        try #require(size >= 8)
        types.append(String(decoding: data[position + 4..<position + 8], as: UTF8.self))
        position += size
    }
    return types
}
