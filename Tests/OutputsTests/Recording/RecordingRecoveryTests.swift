import AV
import Foundation
import Media
import NIOCore
import TestSupport
import Testing

@testable import Outputs

@Suite struct RecordingRecoveryTests {
    /// What a recorder of the clip has on the disk after its last fragment, as a killed process leaves it.
    private func fragmentedFile(of clip: Clip, _ format: RecordingFormat = .mp4, in folder: TestFolder) throws -> Data {
        let name = RecordingName(directory: folder.path, fileName: "whole.\(format.rawValue)")
        var timeline = RecordingTimeline(tracks: clip.tracks, format: format)
        let file = try RecordingFile(name: name, timeline: timeline, format: format, disk: .system, configuration: .init())
        for frame in clip.inMilliseconds { for sample in timeline.add(frame) { _ = try file.write(sample) } }
        for sample in timeline.finish() { _ = try file.write(sample) }
        try file.close()
        let data = try Data(contentsOf: URL(fileURLWithPath: name.temporaryPath))
        try FileManager.default.removeItem(atPath: name.temporaryPath)
        return data
    }

    private func recover(_ data: Data, _ format: RecordingFormat = .mp4, in folder: TestFolder) async throws -> RecordingOutcome {
        let path = folder.path + "/cam_2.\(format.rawValue).tmp_extension"
        try data.write(to: URL(fileURLWithPath: path))
        return await RecordingRecovery.recover(
            temporaryPath: path, request: RecordingRequest(id: "id", directory: folder.path, baseName: "cam", format: format),
            startedAtMilliseconds: 1234)
    }

    @Test(arguments: [(Clip.h264, Clip.aac, RecordingFormat.mp4), (Clip.hevc, Clip.opus, .mp4), (Clip.vp9, Clip.opus, .webM)])
    func aFileCutAnywhereGivesItsWholeFragments(video: [String], audio: [String], format: RecordingFormat) async throws {
        let folder = try TestFolder("recording")
        let whole = try self.fragmentedFile(of: Clip(video: video, audio: audio, seconds: 5, in: folder), format, in: folder)
        let firstFragment = try #require(self.ends(whole, format).first)
        var cuts = stride(from: 0, to: whole.count, by: whole.count / 13).map { $0 }
        for end in self.ends(whole, format).prefix(3) { cuts += [end - 1, end, end + 1, end + 12] }
        var last = 0
        for cut in cuts.sorted() where cut <= whole.count {
            let outcome = try await self.recover(whole.prefix(cut), format, in: folder)
            #expect(outcome.id == "id")
            #expect(outcome.startedAtMilliseconds == 1234)
            guard cut >= firstFragment else {
                #expect(outcome.failure == .nothingRecorded)
                #expect(outcome.bytes == 0)
                #expect(try folder.files() == [])
                continue
            }
            #expect(outcome.failure == nil)
            #expect(outcome.fileName == "cam_2.\(format.rawValue)")
            #expect(try folder.files() == ["cam_2.\(format.rawValue)"])
            let inspection = try Inspection(outcome.path)
            #expect(inspection.errors == "", "cut at \(cut)")
            #expect(inspection.packets.count >= last)
            last = inspection.packets.count
            #expect(abs(inspection.startOffset) < 0.04)
            // Not more than one fragment is missing of what the bytes before the cut hold. WebM has a cluster for each keyframe, too.
            let fragments = self.ends(whole, format).count { $0 <= cut }
            #expect(inspection.duration >= Double(fragments - 1) * (format == .mp4 ? 0.8 : 0.4))
            try FileManager.default.removeItem(atPath: outcome.path)
        }
    }

    @Test(arguments: [(Clip.h264, Clip.aac, RecordingFormat.mp4), (Clip.vp9, Clip.opus, .webM)])
    func aFragmentedFilePlaysAsItIs(video: [String], audio: [String], format: RecordingFormat) throws {
        let folder = try TestFolder("recording")
        let whole = try self.fragmentedFile(of: Clip(video: video, audio: audio, seconds: 5, in: folder), format, in: folder)
        let path = folder.path + "/fragmented.\(format.rawValue)"
        try whole.write(to: URL(fileURLWithPath: path))
        let inspection = try Inspection(path)
        #expect(inspection.errors == "")
        #expect(inspection.packets(of: "video").count == 125)
        #expect(abs(inspection.startOffset) < 0.04)
        // A WebM says how long it is at its end, which it does not have.
        #expect(abs(inspection.duration - 5) < 0.2)
        let scan = try RecordingScan(path: path, format: format)
        #expect(scan.wholeBytes == Int64(whole.count))
        if format == .webM { #expect(abs(try #require(scan.duration).seconds - 5) < 0.1) }
        // A killed process loses less than a second: no fragment is longer.
        #expect(self.ends(whole, format).count >= 6)
        #expect(scan.fragments == self.ends(whole, format).count)
    }

    @Test(arguments: [(Clip.h264, Clip.aac, RecordingFormat.mp4), (Clip.vp9, Clip.opus, .webM)])
    func zerosThatAPowerFailureLeftAreCutOff(video: [String], audio: [String], format: RecordingFormat) async throws {
        let folder = try TestFolder("recording")
        let whole = try self.fragmentedFile(of: Clip(video: video, audio: audio, seconds: 3, in: folder), format, in: folder)
        let outcome = try await self.recover(whole + Data(count: 100_000), format, in: folder)
        #expect(outcome.failure == nil)
        #expect(abs(outcome.durationMilliseconds - 3000) < 100)
    }

    /// Wherever between the copy's last byte and the recording's entry the process died.
    @Test func aRecordingThatWasFinishedBeforeTheCrashIsThatFile() async throws {
        let folder = try TestFolder("recording")
        let whole = try self.fragmentedFile(of: Clip(video: Clip.h264, audio: Clip.aac, seconds: 3, in: folder), in: folder)
        let first = try await self.recover(whole, in: folder)
        let final = folder.path + "/cam_2.mp4"
        let complete = final + ".tmp_complete"

        try FileManager.default.moveItem(atPath: final, toPath: complete)
        #expect(try await self.recover(whole.prefix(whole.count / 2), in: folder) == first)
        #expect(try folder.files() == ["cam_2.mp4"])

        try FileManager.default.moveItem(atPath: final, toPath: complete)
        #expect(await self.recoverAgain(in: folder) == first)
        #expect(try folder.files() == ["cam_2.mp4"])

        #expect(await self.recoverAgain(in: folder) == first)
        #expect(try folder.files() == ["cam_2.mp4"])
    }

    @Test func aFileThatSomebodyPutAtTheFinalNameIsNotTakenForTheRecording() async throws {
        let folder = try TestFolder("recording")
        let whole = try self.fragmentedFile(of: Clip(video: Clip.h264, audio: Clip.aac, seconds: 3, in: folder), in: folder)
        let film = try self.fragmentedFile(of: Clip(video: Clip.h264, audio: Clip.aac, seconds: 1, in: folder), in: folder)
        let path = folder.path + "/cam_2.mp4"
        try film.write(to: URL(fileURLWithPath: path))
        let outcome = try await self.recover(whole, in: folder)
        #expect(outcome.failure == nil && outcome.fileName == "cam_2_1.mp4")
        #expect(abs(outcome.durationMilliseconds - 3000) < 100)
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == film)
        #expect(try folder.files() == ["cam_2.mp4", "cam_2_1.mp4"])
    }

    /// A disk that is away or failing for a while loses nothing.
    @Test func whatCannotBeReadNowIsLeftForLater() async throws {
        let folder = try TestFolder("recording")
        let whole = try self.fragmentedFile(of: Clip(video: Clip.h264, audio: Clip.aac, seconds: 1, in: folder), in: folder)
        // A link to itself can be opened by nobody, not even by those who may do everything.
        let path = folder.path + "/cam_2.mp4.tmp_extension"
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: path)
        let failed = await self.recoverAgain(in: folder)
        #expect(failed.isLeft && failed.bytes == 0 && failed.failure != nil)
        try FileManager.default.removeItem(atPath: path)
        let outcome = try await self.recover(whole, in: folder)
        #expect(!outcome.isLeft && outcome.failure == nil && outcome.bytes > 0)
    }

    @Test func whatIsInAFolderThatIsNotThereMayComeBack() async throws {
        let folder = try TestFolder("recording")
        let outcome = await RecordingRecovery.recover(
            temporaryPath: folder.path + "/away/cam.mp4.tmp_extension",
            request: RecordingRequest(id: "id", directory: folder.path + "/away", baseName: "cam"), startedAtMilliseconds: 0)
        #expect(outcome.isLeft && outcome.failure != nil)
    }

    private func recoverAgain(in folder: TestFolder) async -> RecordingOutcome {
        await RecordingRecovery.recover(
            temporaryPath: folder.path + "/cam_2.mp4.tmp_extension",
            request: RecordingRequest(id: "id", directory: folder.path, baseName: "cam"), startedAtMilliseconds: 1234)
    }

    @Test func aHalfMadeCopyIsMadeAgain() async throws {
        let folder = try TestFolder("recording")
        let whole = try self.fragmentedFile(of: Clip(video: Clip.h264, audio: Clip.aac, seconds: 3, in: folder), in: folder)
        try Data("half".utf8).write(to: URL(fileURLWithPath: folder.path + "/cam_2.mp4.tmp_remux"))
        let outcome = try await self.recover(whole, in: folder)
        #expect(outcome.failure == nil)
        #expect(try folder.files() == ["cam_2.mp4"])
    }

    @Test(arguments: RecordingFormat.allCases) func whatIsNotOurFileIsNotRemoved(format: RecordingFormat) async throws {
        let folder = try TestFolder("recording")
        let outcome = try await self.recover(Data("somebody's letters, not a recording".utf8), format, in: folder)
        #expect(outcome.failure == .nothingRecorded)
        #expect(try folder.files() == ["cam_2.\(format.rawValue).tmp_extension"])
    }

    @Test func aFileThatIsGoneSaysSo() async throws {
        let folder = try TestFolder("recording")
        let outcome = await RecordingRecovery.recover(
            temporaryPath: folder.path + "/gone.mp4.tmp_extension",
            request: RecordingRequest(id: "id", directory: folder.path, baseName: "gone"), startedAtMilliseconds: 0)
        guard case .io(let text)? = outcome.failure else {
            Issue.record("\(outcome)")
            return
        }
        #expect(text.contains("No such file"))
        #expect(!outcome.isLeft)
    }

    @Test(arguments: [(Clip.h264, Clip.aac, RecordingFormat.mp4), (Clip.vp9, Clip.opus, .webM)])
    func aFullDiskAtRecoveryKeepsTheFragmentedFile(video: [String], audio: [String], format: RecordingFormat) async throws {
        let folder = try TestFolder("recording")
        let whole = try self.fragmentedFile(of: Clip(video: video, audio: audio, seconds: 3, in: folder), format, in: folder)
        let path = folder.path + "/cam.\(format.rawValue).tmp_extension"
        try whole.write(to: URL(fileURLWithPath: path))
        let outcome = await RecordingRecovery.recover(
            temporaryPath: path, request: RecordingRequest(id: "id", directory: folder.path, baseName: "cam", format: format),
            startedAtMilliseconds: 0,
            disk: SmallDisk(room: 1000, claimedFree: Int64.max / 2).disk, pool: .shared)
        #expect(outcome.failure == nil && outcome.remuxFailure == .diskFull)
        #expect(try folder.files() == ["cam.\(format.rawValue)"])
        #expect(try Inspection(outcome.path).errors == "")
        #expect(abs(outcome.durationMilliseconds - 3000) < 200)

        // The process died again before its VoD was entered: the note leads to the file all the same.
        let again = await RecordingRecovery.recover(
            temporaryPath: path, request: RecordingRequest(id: "id", directory: folder.path, baseName: "cam", format: format),
            startedAtMilliseconds: 0)
        #expect(again.path == outcome.path && again.bytes == outcome.bytes && again.bytes > 0)
        #expect(abs(again.durationMilliseconds - 3000) < 200)
        #expect(try folder.files() == ["cam.\(format.rawValue)"])
    }

    /// Where each pair of `moof` and `mdat` ends.
    private func fragmentEnds(_ data: Data) -> [Int] {
        var ends: [Int] = []
        var position = 0
        while position + 8 <= data.count {
            let size = data[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
            guard size >= 8 else { return ends }
            position += size
            if String(decoding: data[position - size + 4..<position - size + 8], as: UTF8.self) == "mdat" { ends.append(position) }
        }
        return ends
    }

    private func ends(_ data: Data, _ format: RecordingFormat) -> [Int] {
        format == .mp4 ? self.fragmentEnds(data) : webMElements(data).filter { $0.id == 0x1F43_B675 }.map(\.end)
    }
}
