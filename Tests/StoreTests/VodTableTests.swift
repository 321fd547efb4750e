import Testing

@testable import Store

@Suite struct VodTableTests {
    static func vod(_ id: String, stream: String? = "s", name: String? = nil, created: Int64 = 1) -> VodRecord {
        var vod = VodRecord(id: id, streamID: stream, kind: .stream, createdAt: created)
        vod.name = name
        return vod
    }

    @Test func everyMemberSurvivesTheRoundTrip() async throws {
        let scratch = try ScratchDatabase()
        var vod = VodRecord(id: "v", streamID: "s", kind: .uploaded, createdAt: 1)
        vod.streamName = "sn"
        vod.name = "n.mp4"
        vod.startedAt = 2
        vod.duration = 3
        vod.fileSize = 5_000_000_000
        vod.filePath = "streams/n.mp4"
        vod.previewPath = "previews/n.png"
        vod.processStatus = "finished"
        vod.processStartedAt = 4
        vod.processEndedAt = 5
        vod.description = "d"
        vod.metadata = "m"
        vod.latitude = "6"
        vod.longitude = "7"
        vod.altitude = "8"
        try await scratch.database.vods.insert(vod)
        #expect(try scratch.database.vods.find("v") == vod)
        await #expect(throws: StoreError.duplicate) { try await scratch.database.vods.insert(vod) }
        #expect(try await scratch.database.vods.delete("v") == vod)
        #expect(try await scratch.database.vods.delete("v") == nil)
        #expect(try scratch.database.vods.find("v") == nil)
    }

    @Test func pagesAreFilteredSearchedAndSorted() async throws {
        let scratch = try ScratchDatabase()
        let table = scratch.database.vods
        var described = Self.vod("v4", stream: nil, name: nil, created: 10)
        described.description = "Straße"
        described.metadata = "META"
        for vod in [
            Self.vod("v1", stream: "s1", name: "b.mp4", created: 30), Self.vod("v2", stream: "s2", name: "A.mp4", created: 20),
            Self.vod("v3", stream: "s1", name: "c.mp4", created: 40), described,
        ] { try await table.insert(vod) }
        func ids(_ query: VodQuery) throws -> [String] { try table.list(query).map(\.id) }
        #expect(try ids(.init(offset: 0, limit: 50)) == ["v1", "v2", "v3", "v4"])
        #expect(try ids(.init(offset: 1, limit: 2)) == ["v2", "v3"])
        #expect(try ids(.init(offset: -1, limit: 1)) == ["v1"])
        #expect(try ids(.init(offset: 0, limit: 0)) == [])
        #expect(try ids(.init(order: .name, offset: 0, limit: 50)) == ["v4", "v2", "v1", "v3"])
        #expect(try ids(.init(order: .name, descending: true, offset: 0, limit: 50)) == ["v3", "v1", "v2", "v4"])
        #expect(try ids(.init(order: .date, offset: 0, limit: 50)) == ["v4", "v2", "v1", "v3"])
        #expect(try ids(.init(streamID: "s1", order: .date, descending: true, offset: 0, limit: 50)) == ["v3", "v1"])
        #expect(try ids(.init(streamID: "s1", order: .name, offset: 0, limit: 50)) == ["v1", "v3"])
        #expect(try ids(.init(streamID: "s1", search: "C.MP", offset: 0, limit: 50)) == ["v3"])
        #expect(try ids(.init(search: "straße", offset: 0, limit: 50)) == ["v4"])
        #expect(try ids(.init(search: "meta", offset: 0, limit: 50)) == ["v4"])
        // Two members side by side are not one text.
        #expect(try ids(.init(search: "b.mp4s1", offset: 0, limit: 50)) == [])
        #expect(try table.count() == 4)
        #expect(try table.count(search: "S1") == 2)
        #expect(try table.count(search: "") == 4)
    }

    @Test func aRecordingBecomesAVodInOneStep() async throws {
        let scratch = try ScratchDatabase()
        var recording = UnfinishedRecording(
            vodID: "v", streamID: "s", temporaryPath: "/d/s.mp4.tmp_extension", directory: "/d", baseName: "s", format: "mp4", startedAt: 9)
        recording.streamName = "n"
        recording.description = "de"
        recording.metadata = "m"
        recording.latitude = "1"
        recording.longitude = "2"
        recording.altitude = "3"
        let recordings = scratch.database.recordings
        try await recordings.begin(recording)
        await #expect(throws: StoreError.duplicate) { try await recordings.begin(recording) }
        #expect(try recordings.all() == [recording])
        try await recordings.finish("v", as: Self.vod("v"))
        #expect(try recordings.all() == [])
        #expect(try scratch.database.vods.find("v") != nil)

        // A VoD that is there already must not swallow the note of the recording.
        try await recordings.begin(recording)
        await #expect(throws: StoreError.duplicate) { try await recordings.finish("v", as: Self.vod("v")) }
        #expect(try recordings.all() == [recording])
        try await recordings.finish("v", as: nil)
        #expect(try recordings.all() == [])
    }

    @Test func aRowIsChangedWithAllThatIsDerivedFromIt() async throws {
        let scratch = try ScratchDatabase()
        let table = scratch.database.vods
        try await table.insert(Self.vod("v", name: "before.mp4"))
        let changed = try await table.update("v") { vod in
            vod.name = "After.mp4"
            vod.processStatus = VodProcess.finished.rawValue
        }
        #expect(changed?.name == "After.mp4")
        #expect(try changed == table.find("v"))
        #expect(try table.list(.init(search: "after", offset: 0, limit: 5)).count == 1)
        #expect(try table.list(.init(search: "before", offset: 0, limit: 5)).isEmpty)
        #expect(try await table.update("none") { $0.name = "x" } == nil)
    }

    @Test func whatIsUnfinishedIsFound() async throws {
        let scratch = try ScratchDatabase()
        let table = scratch.database.vods
        for (id, state) in [("a", nil), ("b", "inqueue"), ("c", "finished"), ("d", "processing"), ("e", "failed")] {
            var vod = Self.vod(id)
            vod.processStatus = state
            try await table.insert(vod)
        }
        #expect(try table.unfinished().map(\.id) == ["b", "d"])
    }

    @Test func manyAreInsertedTogetherOrNotAtAll() async throws {
        let scratch = try ScratchDatabase()
        let table = scratch.database.vods
        try await table.insert(Self.vod("b"))
        await #expect(throws: StoreError.duplicate) { try await table.insert([Self.vod("a"), Self.vod("b")]) }
        #expect(try table.count() == 1)
        try await table.insert([Self.vod("c"), Self.vod("d")])
        #expect(try table.count() == 3)
    }

    @Test func importsAreForgottenFolderByFolder() async throws {
        let scratch = try ScratchDatabase()
        let table = scratch.database.vods
        let paths = [
            "streams/a/1.mp4", "streams/a/b/2.mp4", "streams/a b/3.mp4", "streams/a.mp4", "streams/a0/4.mp4", "streams/A/5.mp4", "streams/a/own.mp4",
        ]
        for path in paths {
            var vod = VodRecord(id: path, streamID: nil, kind: path.hasSuffix("own.mp4") ? .stream : .imported, createdAt: 1)
            vod.filePath = path
            try await table.insert(vod)
        }
        #expect(try await table.deleteImported(below: "streams/a/") == ["streams/a/1.mp4", "streams/a/b/2.mp4"])
        #expect(try table.list(.init(offset: 0, limit: 10)).map(\.id) == Array(paths[2...]))
        #expect(try await table.deleteImported(below: "streams/a/") == [])
    }
}
