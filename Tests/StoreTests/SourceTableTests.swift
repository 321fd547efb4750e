import GRDB
import Testing

@testable import Store

@Suite struct SourceTableTests {
    private func insert(
        _ table: BroadcastTable, _ id: String, _ type: BroadcastType, _ change: (inout BroadcastRecord) -> Void = { _ in }
    ) async throws {
        var record = BroadcastRecord(id: id, type: type, createdAt: 1)
        change(&record)
        try await table.insert(record)
    }

    @Test func aStartAndAStopChangeWhatTheyAreAboutAndNothingElse() async throws {
        let scratch = try ScratchDatabase()
        let table = scratch.database.broadcasts
        for type in [BroadcastType.playlist, .streamSource] {
            var record = BroadcastRecord.full(type.rawValue)
            record.type = type
            record.source.isWanted = false
            try await table.insert(record)
            #expect(try await table.sourceStarted(record.id, isWanted: true, now: 555))
            record.run.startedAt = 555
            record.source.isWanted = true
            if type == .playlist { record.playlist.status = "broadcasting" }
            #expect(try table.find(record.id) == record)

            #expect(try await table.setPlayIndex(7, of: record.id))
            #expect(try await table.plannedStartDone(99, of: record.id))
            record.playlist.currentIndex = 7
            record.schedule.plannedStartDone = 99
            #expect(try table.find(record.id) == record)

            #expect(try await table.sourceStopped(record.id))
            record.source.isWanted = false
            record.status = .finished
            if type == .playlist { record.playlist.status = "finished" }
            #expect(try table.find(record.id) == record)
            #expect(try await table.sourceStopped(record.id, index: 0))
            record.playlist.currentIndex = 0
            #expect(try table.find(record.id) == record)
            #expect(try await table.sourceStarted(record.id, isWanted: false, now: 555))
            #expect(try table.find(record.id)?.source.isWanted == false)
        }
        #expect(try await !table.sourceStarted("nobody", isWanted: true, now: 1))
        #expect(try await !table.sourceStopped("nobody"))
        #expect(try await !table.setPlayIndex(1, of: "nobody"))
        #expect(try await !table.plannedStartDone(1, of: "nobody"))
    }

    @Test func aStartOfTheProcessFindsWhatItHasToSeeTo() async throws {
        let scratch = try ScratchDatabase()
        let table = scratch.database.broadcasts
        try await self.insert(table, "s", .streamSource) { $0.source.isWanted = true }
        try await self.insert(table, "c", .ipCamera)
        try await self.insert(table, "viewers", .streamSource) { $0.source.startsWithViewers = true }
        try await self.insert(table, "v", .vod) { $0.source.isWanted = true }
        try await self.insert(table, "p", .playlist) { $0.schedule.plannedStart = 5 }
        try await self.insert(table, "q", .playlist) { $0.schedule.plannedEnd = 5 }
        try await self.insert(table, "r", .playlist)
        try await self.insert(table, "live", .liveStream) { $0.schedule.plannedStart = 5 }
        #expect(try table.wantedSources() == ["s", "v"])
        #expect(try table.permanentSources().sorted() == ["c", "s"])
        #expect(try table.sourcesForViewers() == ["viewers"])
        #expect(try table.plannedPlaylists() == ["p", "q"])
    }

    @Test func aPlaylistThatOnlyViewersHadStartedIsOverAfterARestart() async throws {
        let scratch = try ScratchDatabase()
        let table = scratch.database.broadcasts
        for (id, isWanted) in [("wanted", true), ("viewers", false)] {
            try await self.insert(table, id, .playlist)
            #expect(try await table.sourceStarted(id, isWanted: isWanted, now: 1))
        }
        _ = try await table.reconcile()
        #expect(try table.find("wanted")?.playlist.status == "broadcasting")
        #expect(try table.find("viewers")?.playlist.status == "finished")
    }

    @Test func aVodIsFoundByItsPathThroughAnIndex() async throws {
        let scratch = try ScratchDatabase()
        var vod = VodRecord(id: "v", streamID: nil, kind: .stream, createdAt: 1)
        vod.filePath = "streams/a/b.mp4"
        try await scratch.database.vods.insert(vod)
        try await scratch.database.vods.insert(VodRecord(id: "w", streamID: nil, kind: .stream, createdAt: 1))
        #expect(try scratch.database.vods.find(path: "streams/a/b.mp4") == vod)
        #expect(try scratch.database.vods.find(path: "streams/a") == nil)
        let plan = try await scratch.database.pool.read { db in
            try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN SELECT id FROM vods WHERE file_path = 'x'").map { $0["detail"] as String }
        }
        #expect(!plan.isEmpty && plan.allSatisfy { $0.contains("vods_by_path") })
    }
}
