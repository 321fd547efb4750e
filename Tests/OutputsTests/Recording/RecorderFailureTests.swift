import Foundation
import Media
import NIOCore
import Streams
import TestSupport
import Testing

@testable import Outputs

@Suite struct RecorderFailureTests {
    /// The frames the clip's own keyframes open, so that a whole file can be told from a cut one.
    private func checkPlayable(_ outcome: RecordingOutcome, atLeast seconds: Double, within tolerance: Double = 0.01) throws {
        let inspection = try Inspection(outcome.path)
        #expect(inspection.errors == "")
        #expect(inspection.decodeTimesRise)
        #expect(inspection.duration >= seconds)
        #expect(abs(Double(outcome.durationMilliseconds) / 1000 - inspection.duration) < tolerance)
        #expect(abs(inspection.startOffset) < 0.04)
        #expect(RecordingDisk.size(of: outcome.path) == outcome.bytes)
    }

    @Test func aFullDiskStopsTheRecordingKeepsWhatIsThereAndLeavesTheStreamAlone() async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: Clip.h264, audio: Clip.aac, in: bench.folder)
        let size = Int64(clip.frames.reduce(0) { $0 + $1.payload.readableBytes })
        let small = SmallDisk(room: size / 2, claimedFree: Int64.max / 2)
        let recorder = bench.recorder(disk: small.disk)
        _ = try recorder.start()
        let publisher = try bench.publisher(of: clip)
        let viewer = bench.stream.attach(limits: .init(bytes: 64 << 20, duration: MediaTime(milliseconds: 60_000)), from: .live, wake: {})
        bench.publish(clip.frames, to: publisher)
        await recorder.waitUntilEnded()
        let outcome = try #require(bench.outcomes.value.first)
        #expect(bench.outcomes.value.count == 1)
        #expect(outcome.failure == .diskFull)
        #expect(outcome.fileName == "cam.mp4")
        try self.checkPlayable(outcome, atLeast: 1.5)
        // Neither temporary is left, and the file is the fragmented one: there was no room for another.
        #expect(try bench.folder.files() == ["cam.mp4"])
        #expect(try topLevelBoxes(outcome.path).contains("moof"))
        #expect(bench.stream.isLive)
        var seen = 0
        while let item = viewer.next() { if case .frame = item { seen += 1 } }
        #expect(seen == clip.frames.count)
        viewer.detach()
        publisher.end(.finished)
    }

    @Test func aDiskThatGetsFullWhileFinishingKeepsTheFragmentedFile() async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: Clip.h264, audio: Clip.aac, in: bench.folder)
        let size = Int64(clip.frames.reduce(0) { $0 + $1.payload.readableBytes })
        let small = SmallDisk(room: size * 3 / 2, claimedFree: Int64.max / 2)
        let recorder = bench.recorder(disk: small.disk)
        _ = try recorder.start()
        let publisher = try bench.publisher(of: clip)
        bench.publish(clip.frames, to: publisher)
        publisher.end(.finished)
        await recorder.waitUntilEnded()
        let outcome = try #require(bench.outcomes.value.first)
        #expect(outcome.failure == nil && outcome.remuxFailure == .diskFull, "nothing of it was lost")
        try self.checkPlayable(outcome, atLeast: 5.9)
        #expect(try bench.folder.files() == ["cam.mp4"])
    }

    /// The same of a webm: without room for its index it plays all the same.
    @Test(arguments: [0.5, 1.5]) func aFullDiskStopsAWebMAndKeepsWhatIsThere(share: Double) async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: Clip.vp9, audio: Clip.opus, in: bench.folder)
        let size = Double(clip.frames.reduce(0) { $0 + $1.payload.readableBytes })
        let recorder = bench.recorder(format: .webM, disk: SmallDisk(room: Int64(size * share), claimedFree: Int64.max / 2).disk)
        _ = try recorder.start()
        let publisher = try bench.publisher(of: clip)
        bench.publish(clip.frames, to: publisher)
        if share > 1 { publisher.end(.finished) }
        await recorder.waitUntilEnded()
        let outcome = try #require(bench.outcomes.value.first)
        #expect(bench.outcomes.value.count == 1)
        #expect(outcome.failure == (share > 1 ? nil : .diskFull))
        #expect(outcome.remuxFailure == .diskFull)
        #expect(outcome.fileName == "cam.webm")
        try self.checkPlayable(outcome, atLeast: share > 1 ? 5.9 : 1.5, within: 0.06)
        #expect(try bench.folder.files() == ["cam.webm"])
        publisher.end(.finished)
    }

    @Test func tooLittleFreeSpaceStopsTheRecordingBeforeTheDiskIsFull() async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: Clip.h264, audio: Clip.aac, in: bench.folder)
        let small = SmallDisk(room: 1 << 30, claimedFree: 150_000_000)
        let recorder = bench.recorder(configuration: .init(), disk: small.disk)
        _ = try recorder.start()
        small.state.change { $0.claimedFree = 99_999_999 }
        let publisher = try bench.publisher(of: clip)
        bench.publish(clip.frames, to: publisher)
        await recorder.waitUntilEnded()
        let outcome = try #require(bench.outcomes.value.first)
        #expect(outcome.failure == .diskFull)
        try self.checkPlayable(outcome, atLeast: 0.7)
        #expect(outcome.durationMilliseconds < 2000)
    }

    @Test func aRecordingIsNotEvenBegunOnAFullDisk() async throws {
        let bench = try RecordingBench()
        let recorder = bench.recorder(configuration: .init(), disk: SmallDisk(room: 99_999_999).disk)
        #expect(throws: RecordingFailure.diskFull) { try recorder.start() }
        await recorder.waitUntilEnded()
        #expect(try bench.folder.files() == [])
        #expect(bench.outcomes.value.isEmpty)
        #expect(bench.closed.value == 0)
    }

    @Test func filesThatCannotBeOpenedAreTriedAgainUnderTheSameName() async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: Clip.h264, audio: Clip.aac, in: bench.folder)
        let small = SmallDisk(room: 1 << 30)
        small.state.change { $0.openErrors = [EIO, EACCES] }
        let recorder = bench.recorder(disk: small.disk)
        _ = try recorder.start()
        let publisher = try bench.publisher(of: clip)
        bench.publish(clip.frames, to: publisher)
        publisher.end(.finished)
        await recorder.waitUntilEnded()
        let outcome = try #require(bench.outcomes.value.first)
        #expect(bench.outcomes.value.count == 1)
        #expect(outcome.failure == nil)
        #expect(outcome.fileName == "cam.mp4")
        // Failed at the first keyframe and at one a second or two later; two seconds after that, at the next keyframe, it worked.
        try self.checkPlayable(outcome, atLeast: 0.9)
    }

    @Test func aWriteThatFailsOnceCostsThatFileAndBeginsAnother() async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: Clip.h264, audio: Clip.aac, in: bench.folder)
        let small = SmallDisk(room: 1 << 30)
        let recorder = bench.recorder(disk: small.disk)
        _ = try recorder.start()
        let publisher = try bench.publisher(of: clip)
        let half = try #require(clip.frames.firstIndex { $0.decodeTime >= MediaTime(milliseconds: 2_100) })
        bench.publish(clip.frames[..<half], to: publisher)
        // Until two fragments are on the disk.
        try await eventually("they are") { (RecordingDisk.size(of: bench.folder.path + "/cam.mp4.tmp_extension") ?? 0) >= 5_000 }
        try await eventually("it records") { recorder.state == .recording }
        small.state.change { $0.writeError = EIO }
        bench.publish(clip.frames[half...], to: publisher)
        publisher.end(.finished)
        await recorder.waitUntilEnded()
        let outcomes = bench.outcomes.value.sorted { $0.part < $1.part }
        #expect(outcomes.map(\.fileName) == ["cam.mp4", "cam_1.mp4"])
        guard case .muxer(let text)? = outcomes.first?.failure else {
            Issue.record("\(outcomes)")
            return
        }
        #expect(text.contains("write"))
        #expect(outcomes.last?.failure == nil)
        for outcome in outcomes { try self.checkPlayable(outcome, atLeast: 0.7) }
    }

    @Test func aDiskThatNeverWorksEndsTheRecordingWithItsReason() async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: Clip.h264, audio: Clip.aac, in: bench.folder)
        let small = SmallDisk(room: 1 << 30)
        small.state.change { $0.openErrors = Array(repeating: EACCES, count: 100) }
        let recorder = bench.recorder(configuration: .init(minimumFreeBytes: 0, retries: 1), disk: small.disk)
        _ = try recorder.start()
        let publisher = try bench.publisher(of: clip)
        bench.publish(clip.frames, to: publisher)
        await recorder.waitUntilEnded()
        let outcome = try #require(bench.outcomes.value.first)
        guard case .io(let text)? = outcome.failure else {
            Issue.record("\(outcome)")
            return
        }
        #expect(text.contains("Permission denied"))
        #expect(outcome.bytes == 0)
        #expect(try bench.folder.files() == [])
        // 98 were left: the first try and one more.
        #expect(small.state.value.openErrors.count == 98)
    }

    @Test func aDirectoryThatVanishesEndsTheRecordingNotTheProcess() async throws {
        let bench = try RecordingBench()
        let clip = try Clip(video: Clip.h264, audio: Clip.aac, in: bench.folder)
        let recorder = bench.recorder()
        _ = try recorder.start()
        try FileManager.default.removeItem(atPath: bench.folder.path + "/cam.mp4.tmp_extension")
        let publisher = try bench.publisher(of: clip)
        bench.publish(clip.frames, to: publisher)
        publisher.end(.finished)
        await recorder.waitUntilEnded()
        // The temporary is opened again by name, so only the claim was lost.
        #expect(bench.outcomes.value.map(\.failure) == [nil])
    }

    @Test func aRecordingOfAnIdleStreamLeavesNothing() async throws {
        let bench = try RecordingBench()
        let recorder = bench.recorder()
        let started = try recorder.start()
        #expect(recorder.state == .waiting)
        recorder.stop()
        await recorder.waitUntilEnded()
        let outcome = try #require(bench.outcomes.value.first)
        #expect(outcome.failure == .nothingRecorded)
        #expect(outcome.bytes == 0)
        #expect(!FileManager.default.fileExists(atPath: started.temporaryPath))
        #expect(bench.closed.value == 1)
    }

    @Test func aStreamOfOtherCodecsSaysSo() async throws {
        let bench = try RecordingBench()
        var clip = try Clip(video: Clip.h264, audio: nil, seconds: 1, in: bench.folder)
        clip.tracks = clip.tracks.map { Track(id: $0.id, codec: .vp8, configuration: [], format: $0.format) }
        let recorder = bench.recorder()
        _ = try recorder.start()
        let publisher = try bench.publisher(of: clip)
        bench.publish(clip.frames, to: publisher)
        publisher.end(.finished)
        await recorder.waitUntilEnded()
        #expect(bench.outcomes.value.map(\.failure) == [.unsupportedTracks])
        #expect(try bench.folder.files() == [])
    }
}
