import Foundation
import Logging
import Store
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Broadcasts
@testable import Outputs

/// Rules for recordings, over real files.
@Suite struct RetentionTests {
    private static let hour: Int64 = 3_600_000

    /// A VoD with a file of 1,000 bytes, finished so many hours ago. `path` is relative to the data directory.
    private func addVod(
        _ id: String, hoursAgo: Int64, kind: VodRecord.Kind = .stream, path: String? = nil, status: String? = nil, to stage: Stage
    ) async throws {
        let path = path ?? "streams/\(id).mp4"
        let file = stage.directory.appendingPathComponent(path)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(count: 1000).write(to: file)
        var vod = VodRecord(id: id, streamID: "s", kind: kind, createdAt: stage.time.wall - hoursAgo * Self.hour)
        vod.name = "\(id).mp4"
        vod.filePath = path
        vod.fileSize = 1000
        vod.processStatus = status
        try await stage.addVod(vod)
    }

    private func keeper(_ rules: RetentionRules, _ stage: Stage, log: EventLog = EventLog()) -> RetentionKeeper {
        RetentionKeeper(
            database: stage.database, rules: rules, room: RecordingRoom(level: DiskLevel(low: 0)), remover: stage.service.remover,
            freeBytes: { [space = stage.space] in space.bytes }, clock: stage.service.clock,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), emit: { event in log.events.withLock { $0.append(event) } },
            pool: stage.service.library.disk)
    }

    private func ids(_ stage: Stage) throws -> Set<String> {
        Set(try stage.database.vods.list(VodQuery(offset: 0, limit: 200)).map(\.id))
    }

    private func exists(_ path: String, _ stage: Stage) -> Bool {
        FileManager.default.fileExists(atPath: stage.directory.appendingPathComponent(path).path)
    }

    @Test func oldRecordingsGoWithTheirFilesAndNothingElseDoes() async throws {
        let stage = try await Stage()
        for (id, age) in [("old1", 50), ("old2", 49), ("young", 1)] as [(String, Int64)] { try await self.addVod(id, hoursAgo: age, to: stage) }
        try await self.addVod("deep", hoursAgo: 60, path: "streams/room/a/deep.mp4", to: stage)
        try await self.addVod("uploaded", hoursAgo: 100, kind: .uploaded, to: stage)
        try await self.addVod("imported", hoursAgo: 100, kind: .imported, to: stage)
        try await self.addVod("busy", hoursAgo: 100, status: "processing", to: stage)
        try await self.addVod("outside", hoursAgo: 100, path: "elsewhere/outside.mp4", to: stage)
        let away = stage.directory.appendingPathComponent("away")
        try FileManager.default.createDirectory(at: away, withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(at: stage.directory.appendingPathComponent("streams/link"), withDestinationURL: away)
        try await self.addVod("linked", hoursAgo: 100, path: "streams/link/linked.mp4", to: stage)
        let growing = stage.directory.appendingPathComponent("streams/now.mp4.tmp_extension")
        try Data(count: 10).write(to: growing)

        let log = EventLog()
        await self.keeper(.init(maximumAge: 48 * Self.hour), stage, log: log).pass()
        #expect(try self.ids(stage) == ["young", "uploaded", "imported", "busy", "outside", "linked"])
        for gone in ["streams/old1.mp4", "streams/old2.mp4", "streams/room/a/deep.mp4"] { #expect(!self.exists(gone, stage), "\(gone)") }
        for path in [
            "streams/young.mp4", "streams/uploaded.mp4", "streams/imported.mp4", "streams/busy.mp4", "elsewhere/outside.mp4", "away/linked.mp4",
            "streams/now.mp4.tmp_extension",
        ] { #expect(self.exists(path, stage), "\(path)") }
        #expect(
            log.events.withLock { $0 } == [("deep"), ("old1"), ("old2")].map { .recordingExpired(streamID: "s", vodID: $0, fileName: "\($0).mp4") })
    }

    @Test func theirPicturesGoWithThem() async throws {
        let stage = try await Stage()
        let pictures = stage.directory.appendingPathComponent("previews/vods")
        try FileManager.default.createDirectory(at: pictures, withIntermediateDirectories: true)
        for (id, age) in [("older0123456", 50), ("newer0123456", 1)] as [(String, Int64)] {
            try await self.addVod(id, hoursAgo: age, to: stage)
            for name in ["\(id).png", "\(id).vtt", "\(id)-0.jpg", "\(id)-1.jpg"] {
                try Data("x".utf8).write(to: pictures.appendingPathComponent(name))
            }
        }
        await self.keeper(.init(maximumAge: 48 * Self.hour), stage).pass()
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: pictures.path).sorted()
                == ["newer0123456-0.jpg", "newer0123456-1.jpg", "newer0123456.png", "newer0123456.vtt"])
    }

    @Test func moreThanOneStepIsTakenWhereThatIsNeeded() async throws {
        let stage = try await Stage()
        for number in 0..<70 { try await self.addVod("r\(number)", hoursAgo: Int64(200 - number), to: stage) }
        await self.keeper(.init(maximumBytes: 2500), stage).pass()
        #expect(try self.ids(stage) == ["r68", "r69"])
    }

    /// What cannot be removed keeps its row, and holds up nobody.
    @Test func aFileThatCannotBeRemovedIsLeftAlone() async throws {
        let stage = try await Stage()
        try await self.addVod("folder", hoursAgo: 9, path: "streams/folder/inner", to: stage)
        var vod = try #require(try await stage.database.vods.delete("folder"))
        vod.filePath = "streams/folder"
        try await stage.addVod(vod)
        try await self.addVod("a", hoursAgo: 8, to: stage)
        try await self.addVod("b", hoursAgo: 7, to: stage)
        await self.keeper(.init(maximumBytes: 1), stage).pass()
        #expect(try self.ids(stage) == ["folder", "b"])
        #expect(self.exists("streams/folder/inner", stage))
    }

    @Test func whatCannotBeRemovedCostsNoOthersAndIsTriedAgain() async throws {
        let stage = try await Stage()
        try await self.addVod("old", hoursAgo: 9, path: "streams/folder/old.mp4", to: stage)
        for (id, age) in [("a", 8), ("b", 7)] as [(String, Int64)] { try await self.addVod(id, hoursAgo: age, to: stage) }
        let folder = stage.directory.appendingPathComponent("streams/folder")
        let elsewhere = stage.directory.appendingPathComponent("elsewhere")
        try FileManager.default.moveItem(at: folder, to: elsewhere)
        try FileManager.default.createSymbolicLink(at: folder, withDestinationURL: elsewhere)
        let keeper = self.keeper(.init(maximumBytes: 2500), stage)
        await keeper.pass()
        #expect(try self.ids(stage) == ["old", "a", "b"], "without the one that cannot go there is not too much")

        try FileManager.default.removeItem(at: folder)
        try FileManager.default.moveItem(at: elsewhere, to: folder)
        await keeper.pass()
        #expect(try self.ids(stage) == ["old", "a", "b"], "not yet")
        stage.time.advance(601_000)
        await keeper.pass()
        #expect(try self.ids(stage) == ["a", "b"])
    }

    /// More than a pass bears: it ends instead of going round for ever.
    @Test func aDiskFromWhichNothingCanBeRemovedEndsThePass() async throws {
        let stage = try await Stage()
        for index in 0..<1100 {
            var vod = VodRecord(id: "out\(index)", streamID: "s", kind: .stream, createdAt: stage.time.wall - 9 * Self.hour)
            vod.filePath = "elsewhere/\(index).mp4"
            try await stage.addVod(vod)
        }
        let keeper = self.keeper(.init(maximumAge: Self.hour), stage)
        await keeper.pass()
        await keeper.pass()
        #expect(try stage.database.vods.count() == 1100)
    }

    /// A removal that was cut short by the end of the process has left a row without a file: it goes like any other.
    @Test func aRowWithoutAFileGoesToo() async throws {
        let stage = try await Stage()
        try await self.addVod("a", hoursAgo: 8, to: stage)
        try FileManager.default.removeItem(at: stage.directory.appendingPathComponent("streams/a.mp4"))
        await self.keeper(.init(maximumAge: Self.hour), stage).pass()
        #expect(try self.ids(stage).isEmpty)
    }

    @Test func roomIsMadeFromTheOldestAndNotTwiceForTheSameBytes() async throws {
        let stage = try await Stage()
        for (id, age) in [("a", 5), ("b", 4), ("c", 3), ("d", 2)] as [(String, Int64)] { try await self.addVod(id, hoursAgo: age, to: stage) }
        stage.space.bytes = 8_500
        let keeper = self.keeper(.init(minimumFreeBytes: 10_000), stage)
        await keeper.tick()
        #expect(try self.ids(stage) == ["c", "d"], "1,500 bytes were missing")
        // Somebody still reads them: the disk says what it said.
        await keeper.pass()
        #expect(try self.ids(stage) == ["c", "d"])
        stage.time.advance(31_000)
        await keeper.pass()
        #expect(try self.ids(stage) == ["d"], "the newest stays")
    }

    @Test func aNewRecordingMakesTheOldestGo() async throws {
        let stage = try await Stage({ $0.retention = RetentionRules(maximumBytes: 2_500) })
        try await self.addVod("old", hoursAgo: 5, to: stage)
        try await self.addVod("older", hoursAgo: 6, to: stage)
        let publisher = try await stage.publish("a")
        let ticket = try #require(try await stage.service.setRecording("a", true, type: "mp4", height: 0, fileName: nil))
        try #require(stage.outputs.recorders.first).finish(bytes: 1_000)
        try await eventually("the oldest is gone") { try self.ids(stage) == ["old", ticket.vodID] }
        try await eventually("it is counted") { stage.service.storage.removedFiles == 1 && stage.service.storage.removedBytes == 1_000 }
        _ = publisher
    }

    @Test func withLittleRoomNoRecordingStartsUntilThereIsEnoughAgain() async throws {
        let stage = try await Stage({
            $0.recordingLowSpace = 1_000
            $0.recordingSufficientSpace = 2_000
        })
        let publisher = try await stage.publish("a")
        stage.space.bytes = 999
        try await eventually("it is told") { stage.events.contains(.diskSpaceLow(freeBytes: 999)) }
        #expect(stage.service.storage.isLow)
        func start() async throws { _ = try await stage.service.setRecording("a", true, type: "mp4", height: 0, fileName: nil) }
        await #expect(throws: BroadcastError.recordingRefusedDiskLow(type: "mp4")) { try await start() }
        #expect(stage.outputs.recorders.isEmpty)
        #expect(publisher.stream.isLive)
        stage.space.bytes = 2_000
        try await eventually("it is told") { stage.events.contains(.diskSpaceRecovered(freeBytes: 2_000)) }
        try await start()
        #expect(stage.outputs.recorders.count == 1)
        #expect(stage.events.count { $0.action.hasPrefix("diskSpace") } == 2)
    }

    /// A recorder that finds the disk full is believed by a look at the disk, not by its word.
    @Test func aRecordingThatEndsForWantOfRoomHasTheDiskLookedAt() async throws {
        let stage = try await Stage({ $0.recordingLowSpace = 1_000 })
        stage.space.bytes = 5_000
        let publisher = try await stage.publish("a")
        stage.outputs.refuseRecordings(.diskFull)
        await #expect(throws: BroadcastError.recordingRefusedDiskLow(type: "mp4")) {
            _ = try await stage.service.setRecording("a", true, type: "mp4", height: 0, fileName: nil)
        }
        #expect(!stage.service.storage.isLow)
        stage.space.bytes = 10
        try await eventually("it is told") { stage.events.contains(.diskSpaceLow(freeBytes: 10)) }
        _ = publisher
    }
}
