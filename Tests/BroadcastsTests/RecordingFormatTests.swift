import Outputs
import Store
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Broadcasts

/// mp4 and webm beside each other.
@Suite struct RecordingFormatTests {
    private func record(_ stage: Stage, _ isWanted: Bool, _ type: String, height: Int = 0) async throws -> RecordingTicket? {
        try await stage.service.setRecording("a", isWanted, type: type, height: height, fileName: nil)
    }

    @Test func bothFormatsAreRecordedAtOnceAndStoppedApart() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        let publisher = try await stage.publish("a")
        let first = try #require(try await self.record(stage, true, "mp4"))
        let second = try #require(try await self.record(stage, true, "webm"))
        #expect(first.vodID != second.vodID)
        #expect(stage.outputs.recorders.map(\.request.format) == [.mp4, .webM])
        #expect(stage.outputs.recorders.map(\.request.baseName) == ["a", "a"])
        #expect(try stage.database.recordings.all().map(\.format).sorted() == ["mp4", "webm"])
        for type in ["mp4", "webm"] {
            await #expect(throws: BroadcastError.recordingNotStarted(type: type)) { _ = try await self.record(stage, true, type) }
        }
        #expect(try stage.record("a").output.mp4 == 1)
        #expect(try stage.record("a").output.webM == 1)

        #expect(try await self.record(stage, false, "webm") == second)
        #expect(stage.outputs.recorders.map(\.isStopped) == [false, true])
        #expect(try stage.record("a").output.mp4 == 1)
        #expect(try stage.record("a").output.webM == -1)
        await #expect(throws: BroadcastError.recordingNotStopped(type: "webm")) { _ = try await self.record(stage, false, "webm") }
        stage.outputs.recorders[1].finish(bytes: 77)
        try await eventually("vod") { try stage.service.findVod(second.vodID) != nil }
        let vod = try #require(try stage.service.findVod(second.vodID))
        #expect(vod.name == "a.webm")
        #expect(vod.filePath == "streams/a.webm")
        #expect(vod.fileSize == 77)
        #expect(try stage.database.recordings.all().map(\.vodID) == [first.vodID])
        _ = publisher
    }

    @Test(
        arguments: [
            (nil, false, false), (nil, true, true), (1, false, true), (-1, true, false), (0, true, true), (0, false, false),
        ] as [(Int?, Bool, Bool)]) func aBroadcastsOwnWishForWebMStandsAboveTheSetting(flag: Int?, setting: Bool, records: Bool) async throws
    {
        let stage = try await Stage({ $0.recordWebM = setting })
        try await stage.create("a") { $0.output.webM = flag }
        let publisher = try await stage.publish("a")
        try await eventually("decided") { await stage.service.lifecycle.supervisor("a")?.phase == .live(publisher.generation) }
        if records { try await eventually("recording") { try !stage.database.recordings.all().isEmpty } }
        #expect(stage.outputs.recorders.map(\.request.format) == (records ? [.webM] : []))
    }

    @Test func bothWishesAreGrantedWhenTheStreamBegins() async throws {
        let stage = try await Stage({ $0.recordMP4 = true })
        try await stage.create("a") { $0.output.webM = 1 }
        let publisher = try await stage.publish("a")
        try await eventually("recording") { try stage.database.recordings.all().count == 2 }
        #expect(stage.outputs.recorders.map(\.request.format) == [.mp4, .webM])
        try await stage.end(publisher)
        #expect(stage.outputs.recorders.allSatisfy { $0.isStopped })
    }

    @Test func typesAreWrittenInLowerCaseAndNoOthersAreKnown() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        for type in ["WEBM", "webM", "WebM", "MP4", "flv", "", "null"] {
            await #expect(throws: BroadcastError.recordingTypeUnknown) { _ = try await self.record(stage, true, type) }
        }
    }

    @Test func picturesThatRecordingsCouldNotEncodeAreCounted() async throws {
        let stage = try await Stage()
        try await stage.create("a")
        let publisher = try await stage.publish("a")
        _ = try await self.record(stage, true, "webm")
        let recorder = try #require(stage.outputs.recorders.first)
        recorder.drops.store(5, ordering: .relaxed)
        #expect(try stage.service.find("a")?.droppedInEncoding == 5)
        _ = try await self.record(stage, false, "webm")
        recorder.drops.store(6, ordering: .relaxed)
        recorder.finish()
        try await eventually("closed") { await stage.service.lifecycle.supervisor("a")?.open == 0 }
        #expect(try stage.service.find("a")?.droppedInEncoding == 6)
        _ = publisher
    }

    @Test func aWebMThatADeadProcessWasRecordingIsRecoveredAsOne() async throws {
        let stage = try await Stage(start: false)
        try await stage.noteRecording(format: "webm")
        try await stage.service.start()
        await stage.service.waitForRecovery()
        #expect(stage.outputs.recovered == ["/d/streams/a.webm.tmp_extension"])
        #expect(try stage.service.findVod("v1")?.filePath == "streams/a.webm")
        #expect(try stage.database.recordings.all().isEmpty)
    }
}
