import Media
import NIOCore
import Testing

@testable import RTMP

@Suite struct ChunkEncoderTests {
    @Test func whatIsEncodedIsDecoded() throws {
        var random = SeededRandom(seed: 1)
        for _ in 0..<300 {
            let chunkSize = [1, 2, 5, 127, 128, 4096, 60000].randomElement(using: &random)!
            let sent = (0..<random.number(1...5)).map { _ in
                RTMPMessage(
                    chunkStreamID: [3, 63, 64, 319, 320, 65599].randomElement(using: &random)!,
                    timestamp: [0, 0xFF_FFFE, 0xFF_FFFF, 0x100_0000, .max].randomElement(using: &random)!,
                    type: [.audio, .video, .dataAMF0].randomElement(using: &random)!,
                    messageStreamID: UInt32.random(in: 0...(.max), using: &random),
                    payload: ByteBuffer(bytes: random.bytes(random.number(0...700))))
            }
            var bytes = try chunk(message(.setChunkSize, ByteBuffer(integer: UInt32(chunkSize)).bytes, chunkStreamID: 2))
            for message in sent { bytes += try chunk(message, chunkSize: chunkSize) }
            var decoder = ChunkDecoder()
            #expect(try Array(decoder.all(bytes, by: AnySplit.sizes.randomElement(using: &random)!).dropFirst()) == sent)
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 8, 9, 128, 60000])
    func headerAndPayloadAreCutAsIfTheyWereJoined(chunkSize: Int) throws {
        let payload = (0..<300).map { UInt8(truncatingIfNeeded: $0) }
        for (header, timestamp) in [(FLVHeader(), UInt32(5)), (FLVHeader(0xAF, 1), 5), (FLVHeader(0x27, 1, 0, 0, 9), 0x1234_5678)] {
            for count in [0, 1, 122, 123, 124, 300] {
                var apart = ByteBuffer()
                try ChunkEncoder.encode(
                    header: header, payload: ByteBuffer(bytes: payload[..<count]), timestamp: timestamp, type: .video, chunkStreamID: 6,
                    messageStreamID: 1, chunkSize: chunkSize, into: &apart)
                let joined = message(.video, header.bytes + payload[..<count], timestamp: timestamp, chunkStreamID: 6)
                #expect(try apart.bytes == chunk(joined, chunkSize: chunkSize))
            }
        }
    }

    @Test func continuationsRepeatTheExtendedTimestamp() throws {
        let bytes = try chunk(message(.video, [UInt8](repeating: 9, count: 130), timestamp: 0x0200_0000, chunkStreamID: 6))
        #expect(bytes.prefix(16) == hex("06 ffffff 000082 09 01000000 02000000")[...])
        #expect(bytes.suffix(7) == hex("c6 02000000 0909")[...])
    }

    @Test func messagesAreAppendedBehindWhatIsThere() throws {
        var out = ByteBuffer(bytes: [1, 2, 3])
        try ChunkEncoder(chunkSize: 4096).encode(message(.audio, [4]), into: &out)
        #expect(out.bytes == [1, 2, 3] + hex("03 000000 000001 08 01000000 04"))
    }

    @Test func aBodyOver24BitsIsRefusedAndNothingIsWritten() throws {
        var out = ByteBuffer()
        let payload = ByteBuffer(repeating: 0, count: 0xFF_FFFF)
        #expect(throws: RTMPError.messageTooLarge(claimed: 0x100_0000, limit: 0xFF_FFFF)) {
            try ChunkEncoder.encode(
                header: FLVHeader(0x22), payload: payload, timestamp: 0, type: .video, chunkStreamID: 6, messageStreamID: 1, chunkSize: 60000,
                into: &out)
        }
        #expect(out.readableBytes == 0)
    }

    @Test func theLargestMessageGoesRound() throws {
        let payload = ByteBuffer(repeating: 0x5A, count: 0xFF_FFFF)
        let sent = RTMPMessage(chunkStreamID: 6, timestamp: 1, type: .video, messageStreamID: 1, payload: payload)
        var out = ByteBuffer()
        try ChunkEncoder(chunkSize: 65536).encode(sent, into: &out)
        var decoder = ChunkDecoder()
        try decoder.receivedChunkSize(65536)
        #expect(try decoder.next(from: &out) == sent)
    }
}
