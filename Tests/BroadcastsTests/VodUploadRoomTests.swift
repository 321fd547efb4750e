import Foundation
import NIOCore
import Synchronization
import Testing

@testable import Broadcasts

/// What an upload asks of the disk, and what is left of it.
@Suite struct VodUploadRoomTests {
    private final class Notes: Sendable {
        private let state = Mutex((asked: [Int64](), left: 0))
        var asked: [Int64] { self.state.withLock { $0.asked } }
        /// How many uploads have given their place away.
        var left: Int { self.state.withLock { $0.left } }
        func ask(_ bytes: Int64) { self.state.withLock { $0.asked.append(bytes) } }
        func leave() { self.state.withLock { $0.left += 1 } }
    }

    private let workshop = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-room-\(UUID().uuidString)").path

    private func upload(_ notes: Notes, room: Int64 = .max) -> VodUpload {
        VodUpload(
            id: "100000000000000000000001", name: "film.mp4", path: WorkFile.path("100000000000000000000001", in: self.workshop), limit: 1_000,
            stretch: 4, place: VodUpload.Place { notes.leave() },
            hasRoom: { bytes in
                notes.ask(bytes)
                return bytes <= room
            }, isClosed: { false })
    }

    private func files() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: self.workshop) }

    /// Ten bytes in pieces of four, with a stretch of four.
    @Test(
        arguments: [
            (0, [0, 0, 0]), (8, [8, 4, 0]), (10, [10, 4, 2]), (100, [100, 4, 4]),
        ] as [(Int64, [Int64])])
    func roomIsAskedForWhatIsStillToCome(declared: Int64, asked: [Int64]) async throws {
        let notes = Notes()
        let upload = self.upload(notes)
        try await upload.open(in: self.workshop, expecting: declared)
        for piece in ["abcd", "efgh", "ij"] { try await upload.write(ByteBuffer(string: piece)) }
        #expect(notes.asked == asked)
        await upload.discard()
        try FileManager.default.removeItem(atPath: self.workshop)
    }

    @Test func whatJustFitsIsTaken() async throws {
        let notes = Notes()
        let upload = self.upload(notes, room: 4)
        try await upload.open(in: self.workshop, expecting: 4)
        try await upload.write(ByteBuffer(string: "abcd"))
        #expect(try await upload.handOver() == 4)
        #expect(try self.files().count == 1)
        // It is the library's now.
        await upload.discard()
        #expect(try self.files().count == 1)
        try FileManager.default.removeItem(atPath: self.workshop)
    }

    @Test func whatIsDiscardedIsGoneWithItsPlace() async throws {
        let notes = Notes()
        let upload = self.upload(notes)
        try await upload.open(in: self.workshop, expecting: 4)
        try await upload.write(ByteBuffer(string: "abcd"))
        #expect(try self.files().count == 1 && notes.left == 0)
        await upload.discard()
        #expect(try self.files().isEmpty && notes.left == 1)
        await #expect(throws: BroadcastError.libraryBusy) { try await upload.write(ByteBuffer(string: "x")) }
        try FileManager.default.removeItem(atPath: self.workshop)
    }
}
