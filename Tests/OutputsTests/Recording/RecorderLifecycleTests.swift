import Foundation
import Media
import Streams
import TestSupport
import Testing

@testable import Outputs

@Suite struct RecorderLifecycleTests {
    @Test func twoRecordingsOfOneStreamGetTwoFiles() async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: Clip.h264, audio: Clip.aac, seconds: 3, in: bench.folder)
        let recorders = [bench.recorder(id: "one"), bench.recorder(id: "two")]
        for recorder in recorders { _ = try recorder.start() }
        let publisher = try bench.publisher(of: clip)
        bench.publish(clip.frames, to: publisher)
        publisher.end(.finished)
        for recorder in recorders { await recorder.waitUntilEnded() }
        let outcomes = bench.outcomes.value.sorted { $0.fileName < $1.fileName }
        #expect(outcomes.map(\.fileName) == ["cam.mp4", "cam_1.mp4"])
        #expect(outcomes.map(\.id) == ["one", "two"])
        for outcome in outcomes {
            #expect(outcome.failure == nil)
            let inspection = try Inspection(outcome.path)
            #expect(inspection.errors == "")
            #expect(abs(inspection.duration - 3) < 0.1)
        }
    }

    @Test func tenRecordingsInARowGetTenWholeFiles() async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: Clip.h264, audio: Clip.aac, seconds: 11, in: bench.folder)
        let publisher = try bench.publisher(of: clip)
        var rest = clip.frames[...]
        for round in 1...10 {
            let recorder = bench.recorder(id: "\(round)")
            _ = try recorder.start()
            let end = rest.firstIndex { $0.decodeTime >= MediaTime(milliseconds: Int64(round) * 1000 + 300) } ?? rest.endIndex
            bench.publish(rest[..<end], to: publisher)
            rest = rest[end...]
            recorder.stop()
            recorder.stop()
            await recorder.waitUntilEnded()
            #expect(bench.outcomes.value.count == round)
        }
        let outcomes = bench.outcomes.value
        #expect(outcomes.map(\.fileName) == ["cam.mp4"] + (1...9).map { "cam_\($0).mp4" })
        #expect(outcomes.allSatisfy { $0.failure == nil && $0.durationMilliseconds >= 1200 })
        for outcome in outcomes {
            let inspection = try Inspection(outcome.path)
            #expect(inspection.errors == "")
            #expect(inspection.packets(of: "video").first?.isKeyframe == true)
            #expect(abs(inspection.startOffset) < 0.04)
        }
        #expect(bench.stream.readerCount == 0)
    }

    @Test func aRecorderStartsOnce() async throws {
        let bench = try RecordingBench()
        let recorder = bench.recorder()
        _ = try recorder.start()
        #expect(throws: RecordingFailure.alreadyStarted) { try recorder.start() }
        recorder.stop()
        await recorder.waitUntilEnded()
        #expect(bench.outcomes.value.count == 1)
    }

    @Test func lettingGoOfARecorderFinishesItsFile() async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: nil, audio: Clip.aac, seconds: 2, in: bench.folder)
        var recorder: Recorder? = bench.recorder()
        _ = try recorder?.start()
        let publisher = try bench.publisher(of: clip)
        bench.publish(clip.frames, to: publisher)
        recorder = nil
        try await eventually("it is closed") { bench.closed.value > 0 }
        #expect(bench.outcomes.value.map(\.failure) == [nil])
        #expect(try bench.folder.files() == ["cam.mp4"])
    }

    @Test func neverStartedNeverWaits() async throws {
        let bench = try RecordingBench()
        let recorder = bench.recorder()
        recorder.stop()
        await recorder.waitUntilEnded()
        #expect(recorder.state == .idle)
    }

    @Test func aNameThatSomebodyTookMeanwhileIsNotReplaced() async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: nil, audio: Clip.aac, seconds: 2, in: bench.folder)
        let recorder = bench.recorder()
        _ = try recorder.start()
        try Data("mine".utf8).write(to: URL(fileURLWithPath: bench.folder.path + "/cam.mp4"))
        let publisher = try bench.publisher(of: clip)
        bench.publish(clip.frames, to: publisher)
        publisher.end(.finished)
        await recorder.waitUntilEnded()
        #expect(bench.outcomes.value.map(\.fileName) == ["cam_1.mp4"])
        #expect(try bench.folder.files() == ["cam.mp4", "cam_1.mp4"])
        #expect(try String(contentsOfFile: bench.folder.path + "/cam.mp4", encoding: .utf8) == "mine")
    }
}
