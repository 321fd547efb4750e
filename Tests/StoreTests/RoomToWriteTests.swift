import Foundation
import Store
import Testing

@Suite struct RoomToWriteTests {
    private func size(_ path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int)
    }

    @Test func changesGoWhereThereIsRoomAlready() async throws {
        let scratch = try ScratchDatabase()
        let (file, log) = (scratch.path, scratch.path + "-wal")
        let before = (file: try self.size(file), log: try self.size(log))
        #expect(before.file >= 1 << 20)
        #expect(before.log >= 1 << 20)
        for index in 0..<300 {
            try await scratch.database.broadcasts.insert(BroadcastRecord(id: "stream-\(index)", createdAt: Int64(index)))
        }
        #expect(try self.size(file) == before.file)
        #expect(try self.size(log) == before.log)
    }

    @Test func everyStartTakesItsRoomOnce() throws {
        let scratch = try ScratchDatabase()
        let before = try self.size(scratch.path)
        for _ in 0..<3 {
            let database = try scratch.reopened()
            #expect(try self.size(scratch.path + "-wal") >= 1 << 20)
            try database.close()
        }
        #expect(try self.size(scratch.path) == before)
    }
}
