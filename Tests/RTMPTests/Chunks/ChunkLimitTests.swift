import NIOCore
import Testing

@testable import RTMP

/// What a hostile peer can make the decoder do: nothing that costs more than what it has sent.
@Suite struct ChunkLimitTests {
    @Test(arguments: ["44 000000 000001 08 aa", "84 000000 aa", "c4 aa"])
    func aChunkWithoutAFirstFullHeaderIsAnError(bytes: String) {
        var decoder = ChunkDecoder()
        #expect(throws: RTMPError.headerMissing(chunkStreamID: 4)) { try decoder.all(hex(bytes)) }
    }

    @Test func aClaimedLengthTakesNoMemory() throws {
        var decoder = ChunkDecoder(limits: .init(chunkStreams: 1000))
        try decoder.receivedChunkSize(1)
        for id in 64..<1000 {
            // 0xFFFFFF bytes claimed on each of a thousand chunk streams, one sent.
            let bytes = [0x01] + ByteBuffer(integer: UInt16(id - 64), endianness: .little).bytes + hex("000000 ffffff 09 01000000 aa")
            #expect(try decoder.all(bytes).isEmpty)
        }
        #expect(decoder.partialBytes == 936)
        #expect(decoder.reservedBytes < 64 * 936)
    }

    @Test func theLengthOfAMessageIsLimited() {
        var decoder = ChunkDecoder(limits: .init(messageLength: 1000))
        #expect(throws: RTMPError.messageTooLarge(claimed: 1001, limit: 1000)) { try decoder.all(hex("04 000000 0003e9 09 01000000")) }
    }

    @Test func unfinishedMessagesTogetherAreLimited() throws {
        var decoder = ChunkDecoder(limits: .init(partialBytes: 300))
        let body = [UInt8](repeating: 0, count: 128)
        #expect(try decoder.all(hex("04 000000 000fff 09 01000000") + body).isEmpty)
        #expect(try decoder.all(hex("05 000000 000fff 09 01000000") + body).isEmpty)
        #expect(throws: RTMPError.tooMuchPartialData(limit: 300)) { try decoder.all(hex("06 000000 000fff 09 01000000") + body) }
    }

    @Test func finishedMessagesDoNotCount() throws {
        var decoder = ChunkDecoder(limits: .init(partialBytes: 300))
        let bytes = try chunk(message(.video, [UInt8](repeating: 7, count: 250)))
        for _ in 0..<100 { #expect(try decoder.all(bytes, by: 64).count == 1) }
        #expect(decoder.partialBytes == 0)
    }

    @Test func theNumberOfChunkStreamsIsLimited() throws {
        var decoder = ChunkDecoder()
        for id in 2..<66 { #expect(try decoder.all(try chunk(message(.audio, [1], chunkStreamID: UInt32(id)))).count == 1) }
        #expect(throws: RTMPError.tooManyChunkStreams(limit: 64)) { try decoder.all(try chunk(message(.audio, [1], chunkStreamID: 66))) }
    }

    @Test func everyChunkStreamIDCanBeUsed() throws {
        // Traps at 65,472 where 64 is added to 16 bits.
        for id in stride(from: UInt32(2), through: 65599, by: 31) {
            var decoder = ChunkDecoder()
            #expect(try decoder.all(try chunk(message(.audio, [1], chunkStreamID: id))).map(\.chunkStreamID) == [id])
        }
    }
}
