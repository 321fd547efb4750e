import Store
import Testing

@Suite struct RecordingStockTests {
    @Test func itIsOfFinishedRecordingsAloneOldestFirst() async throws {
        let scratch = try ScratchDatabase()
        func add(_ id: String, _ kind: VodRecord.Kind, at time: Int64, bytes: Int64, status: String? = nil) async throws {
            var vod = VodRecord(id: id, streamID: "s", kind: kind, createdAt: time)
            vod.name = id + ".mp4"
            vod.fileSize = bytes
            vod.processStatus = status
            try await scratch.database.vods.insert(vod)
        }
        try await add("c", .stream, at: 30, bytes: 3)
        try await add("a", .stream, at: 10, bytes: 1)
        try await add("b", .stream, at: 20, bytes: 1 << 40, status: "finished")
        try await add("f", .stream, at: 25, bytes: 5, status: "failed")
        try await add("u", .uploaded, at: 1, bytes: 100)
        try await add("i", .imported, at: 1, bytes: 100)
        try await add("q", .stream, at: 1, bytes: 100, status: "inqueue")
        try await add("p", .stream, at: 99, bytes: 100, status: "processing")

        let all = try scratch.database.vods.recordings(atMost: 10)
        #expect(all.oldest.map(\.id) == ["a", "b", "f", "c"])
        #expect(all.oldest[0] == .init(id: "a", streamID: "s", name: "a.mp4", createdAt: 10, bytes: 1))
        #expect(all.totalBytes == (1 << 40) + 9)
        #expect(all.newestID == "c")
        let part = try scratch.database.vods.recordings(atMost: 2, except: ["a"])
        #expect(part.oldest.map(\.id) == ["b", "f"])
        #expect(part.totalBytes == all.totalBytes - 1 && part.newestID == "c", "what is left out does not count")
        try await add("g", .stream, at: 40, bytes: 0, status: "failed")
        #expect(try scratch.database.vods.recordings(atMost: 10).newestID == "c", "what has failed is nobody's newest recording")
        let none = try ScratchDatabase()
        #expect(try none.database.vods.recordings(atMost: 2) == RecordingStock(oldest: [], totalBytes: 0, newestID: nil))
    }
}
