import NIOCore
import Testing

@testable import RTMP

@Suite struct ChunkDecoderTests {
    @Test func allFourHeaderFormatsAreRead() throws {
        var decoder = ChunkDecoder()
        let messages = try decoder.all(
            hex("04 00000a 000002 08 01000000 aabb")  // 0: at 10 ms
                + hex("44 000005 000001 09 cc")  // 1: 5 ms later, another length and type
                + hex("84 000007 dd")  // 2: 7 ms later
                + hex("c4 ee"))  // 3: the same step again
        #expect(messages.map(\.timestamp) == [10, 15, 22, 29])
        #expect(messages.map(\.type) == [.audio, .video, .video, .video])
        #expect(messages.map(\.messageStreamID) == [1, 1, 1, 1])
        #expect(messages.map(\.payload.bytes) == [[0xAA, 0xBB], [0xCC], [0xDD], [0xEE]])
    }

    @Test func aType3MessageAfterAType0HeaderAddsItsTimestamp() throws {
        // RTMP 1.0 §5.3.1.2.4; ffmpeg writes a second frame at twice the first one's time like this.
        var decoder = ChunkDecoder()
        #expect(try decoder.all(hex("04 000014 000001 08 01000000 aa c4 bb")).map(\.timestamp) == [20, 40])
    }

    @Test(arguments: [
        ("02", 2), ("3f", 63), ("00 00", 64), ("00 ff", 319), ("01 00 00", 64), ("01 00 01", 320), ("01 c0 ff", 65536), ("01 ff ff", 65599),
    ])
    func chunkStreamIDsOfOneTwoAndThreeBytesAreRead(basicHeader: String, id: UInt32) throws {
        var decoder = ChunkDecoder()
        let messages = try decoder.all(hex(basicHeader + "000000 000001 08 01000000 aa"))
        #expect(messages.map(\.chunkStreamID) == [id])
    }

    @Test func timestampsWrapAt32Bits() throws {
        var decoder = ChunkDecoder()
        let messages = try decoder.all(hex("04 ffffff 000001 08 01000000 fffffff0 aa 84 000020 bb"))
        #expect(messages.map(\.timestamp) == [0xFFFF_FFF0, 0x10])
    }

    // MARK: Extended timestamps

    @Test(arguments: [true, false], AnySplit.sizes)
    func type3ChunksMayOrMayNotRepeatTheExtendedTimestamp(repeats: Bool, size: Int) throws {
        let body = [UInt8](repeating: 0xAB, count: 300)
        var bytes = hex("04 ffffff 00012c 09 01000000 01000000") + body[0..<128]
        for part in [body[128..<256], body[256..<300]] { bytes += [0xC4] + (repeats ? hex("01000000") : []) + part }
        var decoder = ChunkDecoder()
        let messages = try decoder.all(bytes, by: size)
        #expect(messages.map(\.timestamp) == [0x100_0000])
        #expect(messages.map(\.payload.bytes) == [body])
    }

    @Test func aBodyThatBeginsLikeTheExtendedTimestampIsNotHeldUp() throws {
        // One body byte is left, equal to the timestamp's first; the next header's first byte decides.
        let body = [UInt8](repeating: 0xAB, count: 128) + [0x01]
        let bytes = hex("04 ffffff 000081 09 01000000 01000000") + body[0..<128] + [0xC4] + body[128...]
        var decoder = ChunkDecoder()
        #expect(try decoder.all(bytes).isEmpty)
        let after = try decoder.all(hex("05 000000 000001 08 01000000 ee"), by: 1)
        #expect(after.map(\.payload.bytes) == [body, [0xEE]])
    }

    @Test func extendedDeltasAreAdded() throws {
        var decoder = ChunkDecoder()
        let bytes = hex("04 000001 000001 08 01000000 aa") + hex("44 ffffff 000001 08 01000000 bb") + hex("84 ffffff 01000000 cc")
        #expect(try decoder.all(bytes).map(\.timestamp) == [1, 0x100_0001, 0x200_0001])
    }

    @Test func anExtendedTimestampAtTheEndOfTheBytesWaits() throws {
        var decoder = ChunkDecoder()
        for length in 0..<4 {
            var copy = decoder
            #expect(try copy.all(hex("04 ffffff 000001 08 01000000") + [UInt8](repeating: 1, count: length)).isEmpty)
        }
        #expect(try decoder.all(hex("04 ffffff 000001 08 01000000 01010101 aa")).map(\.timestamp) == [0x0101_0101])
    }

    // MARK: Chunk sizes and aborts

    @Test func setChunkSizeIsObeyedAndHandedOut() throws {
        var decoder = ChunkDecoder()
        let messages = try decoder.all(hex("02 000000 000004 01 00000000 00001000"))
        #expect(messages.map(\.type) == [.setChunkSize])
        #expect(decoder.chunkSize == 4096)
    }

    @Test(arguments: [1, 64, 200, 0x7FFF_FFFF] as [UInt32], AnySplit.sizes)
    func theChunkSizeMayChangeWithinAMessage(size: UInt32, split: Int) throws {
        let body = (0..<500).map { UInt8(truncatingIfNeeded: $0) }
        var bytes = hex("04 000000 0001f4 09 01000000") + body[0..<128]
        bytes += hex("02 000000 000004 01 00000000") + ByteBuffer(integer: size).bytes
        var position = 128
        while position < body.count {
            let end = min(body.count, position + Int(size))
            bytes += [0xC4] + body[position..<end]
            position = end
        }
        var decoder = ChunkDecoder()
        let messages = try decoder.all(bytes, by: split)
        #expect(messages.map(\.type) == [.setChunkSize, .video])
        #expect(messages.last?.payload.bytes == body)
    }

    @Test(arguments: [0, 0x8000_0000, 0xFFFF_FFFF] as [UInt32])
    func chunkSizesOutsideTheSpecificationAreRefused(size: UInt32) throws {
        var decoder = ChunkDecoder()
        #expect(throws: RTMPError.invalidChunkSize(size)) {
            try decoder.all(hex("02 000000 000004 01 00000000") + ByteBuffer(integer: size).bytes)
        }
    }

    @Test func controlMessagesWithoutTheirFieldAreRefused() {
        for type in [MessageType.setChunkSize, .abort] {
            var decoder = ChunkDecoder()
            #expect(throws: RTMPError.truncatedControl(type)) { try decoder.all(try chunk(message(type, [0, 0, 1]))) }
        }
    }

    @Test func abortForgetsAnUnfinishedMessage() throws {
        var decoder = ChunkDecoder()
        let begin = hex("04 000000 0000c8 09 01000000") + [UInt8](repeating: 1, count: 128)
        #expect(try decoder.all(begin).isEmpty)
        #expect(decoder.partialBytes == 128)
        let abort = hex("02 000000 000004 02 00000000 00000004")
        #expect(try decoder.all(abort).map(\.type) == [.abort])
        #expect(decoder.partialBytes == 0)
        #expect(try decoder.all(hex("04 000000 000001 09 01000000 aa")).map(\.payload.bytes) == [[0xAA]])
    }

    @Test func aNewHeaderWithinAMessageGivesTheOldOneUp() throws {
        var decoder = ChunkDecoder()
        let begin = hex("04 000000 0000c8 09 01000000") + [UInt8](repeating: 1, count: 128)
        #expect(try decoder.all(begin + hex("04 000000 000001 08 01000000 aa")).map(\.payload.bytes) == [[0xAA]])
        #expect(decoder.partialBytes == 0)
    }

    // MARK: Reading

    @Test func aMessageWholeInOneChunkSharesTheReadsBytes() throws {
        var decoder = ChunkDecoder()
        var buffer = ByteBuffer(bytes: hex("04 000000 000003 09 01000000 aabbcc"))
        let start = buffer.withUnsafeReadableBytes { $0.baseAddress! + 12 }
        let message = try #require(try decoder.next(from: &buffer))
        #expect(message.payload.withUnsafeReadableBytes { $0.baseAddress } == start)
    }

    @Test func anUnfinishedReadIsTakenWhole() throws {
        var decoder = ChunkDecoder()
        for byte in hex("04 000000 000003 09 01000000 aabb") {
            var buffer = ByteBuffer(bytes: [byte])
            #expect(try decoder.next(from: &buffer) == nil)
            #expect(buffer.readableBytes == 0)
        }
    }

    @Test func messagesWithoutABodyAreMessages() throws {
        var decoder = ChunkDecoder()
        #expect(try decoder.all(hex("04 000000 000000 09 01000000 c4 c4")).map(\.payload.readableBytes) == [0, 0, 0])
    }

    @Test(arguments: ["ffmpeg-publish.bin", "ffmpeg-extended-timestamps.bin", "ffmpeg-play.bin", "rtmpdump-play.bin"])
    func anySplitOfRealBytesGivesTheSameMessages(name: String) throws {
        let bytes = try Vectors.bytes(name)
        var whole = ChunkDecoder()
        let expected = try whole.all(bytes)
        #expect(expected.count >= 5)
        #expect(whole.partialBytes == 0)
        for size in AnySplit.sizes {
            var decoder = ChunkDecoder()
            #expect(try decoder.all(bytes, by: size) == expected)
        }
    }

    @Test func ffmpegRepeatsExtendedTimestampsBehindDeltas() throws {
        var decoder = ChunkDecoder()
        let messages = try decoder.all(try Vectors.bytes("ffmpeg-extended-timestamps.bin"))
        let video = messages.filter { $0.type == .video && $0.timestamp > 0 }
        #expect(video.map(\.timestamp) == [20_000_000, 20_000_200, 20_000_400, 20_000_400])
        for frame in video { #expect(try FLVVideo.parse(frame.payload) != .ignored(.empty)) }
        #expect(video.first?.payload.readableBytes == 8662)
    }
}
