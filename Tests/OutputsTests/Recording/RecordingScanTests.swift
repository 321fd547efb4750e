import Foundation
import TestSupport
import Testing

@testable import Outputs

/// Recordings of many gigabytes, as files that have their heads and no more bytes than those.
@Suite struct RecordingScanTests {
    private static let large: UInt64 = 3 << 30

    private static func big(_ value: UInt64, bytes: Int) -> [UInt8] { (0..<bytes).reversed().map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }

    /// ISO/IEC 14496-12 §4.2: a size of 1 says that the true one follows in 64 bits.
    private static func box(_ type: String, size: UInt64 = 8) -> [UInt8] {
        size <= UInt64(UInt32.max) ? Self.big(size, bytes: 4) + Array(type.utf8) : Self.big(1, bytes: 4) + Array(type.utf8) + Self.big(size, bytes: 8)
    }

    /// Writes each piece, and leaves a hole behind it where it says so.
    private func file(_ pieces: [(bytes: [UInt8], hole: UInt64)], in folder: TestFolder) throws -> String {
        let path = folder.path + "/large"
        try Data().write(to: URL(fileURLWithPath: path))
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        defer { handle.closeFile() }
        var end: UInt64 = 0
        for piece in pieces {
            try handle.seek(toOffset: end)
            try handle.write(contentsOf: Data(piece.bytes))
            end += UInt64(piece.bytes.count) + piece.hole
        }
        try handle.truncate(atOffset: end)
        return path
    }

    @Test(arguments: [Self.large, 5 << 30]) func fragmentsBeyondFourGigabytesCount(size: UInt64) throws {
        let folder = try TestFolder("recording")
        let fragment = (bytes: Self.box("moof") + Self.box("mdat", size: size), hole: size - UInt64(Self.box("mdat", size: size).count))
        let path = try self.file(
            [(Self.box("ftyp") + Self.box("moov"), 0), fragment, fragment, (Self.box("moof") + Self.box("mdat", size: size), 1000)], in: folder)
        let scan = try RecordingScan(path: path, format: .mp4)
        #expect(scan.isOurs && scan.fragments == 2)
        #expect(scan.wholeBytes == Int64(16 + 2 * (8 + size)))
    }

    @Test func clustersBeyondFourGigabytesCount() throws {
        let folder = try TestFolder("recording")
        // RFC 8794 §4: lengths of eight bytes; all ones are an unknown one.
        let head: [UInt8] = [0x1A, 0x45, 0xDF, 0xA3, 0x80, 0x18, 0x53, 0x80, 0x67, 0x01] + [UInt8](repeating: 0xFF, count: 7)
        let tracks: [UInt8] = [0x16, 0x54, 0xAE, 0x6B, 0x80]
        let cluster: [UInt8] = [0x1F, 0x43, 0xB6, 0x75, 0x01] + Self.big(Self.large, bytes: 7)
        let path = try self.file([(head + tracks, 0), (cluster, Self.large), (cluster, Self.large), (cluster, 1000)], in: folder)
        let scan = try RecordingScan(path: path, format: .webM)
        #expect(scan.isOurs && scan.fragments == 2)
        #expect(scan.wholeBytes == Int64(head.count + tracks.count) + 2 * Int64(12 + Self.large))
    }
}
