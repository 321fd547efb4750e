import Testing

@testable import Bench

@Suite struct ChunkScannerTests {
    struct Seen: Equatable {
        var type: UInt8
        var timestamp: UInt32
        var length: Int
        var first: [UInt8]
    }

    static func scan(_ bytes: [UInt8], piece: Int) throws -> [Seen] {
        var scanner = ChunkScanner()
        var seen: [Seen] = []
        for start in stride(from: 0, to: bytes.count, by: piece) {
            let part = Array(bytes[start..<min(bytes.count, start + piece)])
            try part.withUnsafeBytes { raw in
                try scanner.scan(raw) {
                    seen.append(Seen(type: $0.type, timestamp: $0.timestamp, length: $0.length, first: Array($0.head.prefix(4))))
                }
            }
        }
        return seen
    }

    /// Chunk size 4 said by the peer; an audio message inside a video message; types 1, 2 and 3; an extended timestamp that type 3 repeats.
    static let wire: [UInt8] =
        [0x02, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0, 4]
        + [0x06, 0, 0, 10, 0, 0, 6, 9, 1, 0, 0, 0, 1, 2, 3, 4]
        + [0x04, 0, 0, 12, 0, 0, 2, 8, 1, 0, 0, 0, 0xAF, 1]
        + [0xC6, 5, 6]
        + [0x46, 0, 0, 33, 0, 0, 3, 9, 7, 8, 9]
        + [0x86, 0, 0, 5, 7, 8, 9]
        + [0xC6, 7, 8, 9]
        + [0x06, 0xFF, 0xFF, 0xFF, 0, 0, 5, 9, 1, 0, 0, 0, 1, 0, 0, 0, 1, 2, 3, 4, 0xC6, 1, 0, 0, 0, 5]

    static let expected = [
        Seen(type: 1, timestamp: 0, length: 4, first: [0, 0, 0, 4]), Seen(type: 8, timestamp: 12, length: 2, first: [0xAF, 1]),
        Seen(type: 9, timestamp: 10, length: 6, first: [1, 2, 3, 4]), Seen(type: 9, timestamp: 43, length: 3, first: [7, 8, 9]),
        Seen(type: 9, timestamp: 48, length: 3, first: [7, 8, 9]), Seen(type: 9, timestamp: 53, length: 3, first: [7, 8, 9]),
        Seen(type: 9, timestamp: 0x0100_0000, length: 5, first: [1, 2, 3, 4]),
    ]

    @Test(arguments: [1, 2, 3, 7, 64, 1000]) func anySplitGivesTheSameMessages(piece: Int) throws {
        #expect(try Self.scan(Self.wire, piece: piece) == Self.expected)
    }

    @Test func aMessageLongerThanTheChunkSizeIsReadBackWhole() throws {
        let body = [UInt8](repeating: 7, count: Commands.chunkSize * 2 + 1)
        let bytes = Commands.setChunkSize() + Commands.message(chunkStream: 6, type: 9, stream: 1, timestamp: 99, body: body)
        let seen = try Self.scan(bytes, piece: 1000)
        #expect(seen.last == Seen(type: 9, timestamp: 99, length: body.count, first: [7, 7, 7, 7]))
    }

    @Test func aContinuationWithoutABeginningIsRefused() {
        #expect(throws: LoadFailure.self) { try Self.scan([0xC6, 1, 2, 3], piece: 4) }
    }
}
