import Media
import NIOCore
import Testing

@Suite struct AudioHeaderTests {
    @Test func anADTSFrameIsTakenOffAndPutOnAgain() throws {
        let raw: [UInt8] = [0x21, 0x10, 0x04, 0x60]
        let configuration = try AudioSpecificConfig(bytes: [0x12, 0x10])
        let header = try ADTSHeader(configuration: configuration, payloadLength: raw.count)
        #expect(header.bytes == [0xFF, 0xF1, 0x50, 0x80, 0x01, 0x7F, 0xFC])
        var stream = ByteBuffer(bytes: header.bytes + raw + header.bytes)
        let frame = try #require(try ADTSHeader.readFrame(from: &stream))
        #expect(frame.header == header)
        #expect(frame.header.configuration == [0x12, 0x10])
        #expect(Array(frame.payload.readableBytesView) == raw)
        #expect(stream.readableBytes == 7)
    }

    @Test func aFrameThatIsNotWholeChangesNothing() throws {
        let whole: [UInt8] = [0xFF, 0xF1, 0x50, 0x80, 0x01, 0x7F, 0xFC, 1, 2, 3, 4]
        for length in 0..<whole.count {
            var stream = ByteBuffer(bytes: whole.prefix(length))
            #expect(try ADTSHeader.readFrame(from: &stream) == nil)
            #expect(stream.readableBytes == length)
        }
    }

    @Test func aChecksumIsSkipped() throws {
        var stream = ByteBuffer(bytes: [0xFF, 0xF0, 0x50, 0x80, 0x01, 0x7F, 0xFC, 0xAA, 0xBB, 1, 2])
        let frame = try #require(try ADTSHeader.readFrame(from: &stream))
        #expect(Array(frame.payload.readableBytesView) == [1, 2])
    }

    @Test(
        arguments: [
            [0xFF, 0xE1, 0x50, 0x80, 0x01, 0x7F, 0xFC], [0xFF, 0xF3, 0x50, 0x80, 0x01, 0x7F, 0xFC], [0xFF, 0xF1, 0x7C, 0x80, 0x01, 0x7F, 0xFC],
            [0xFF, 0xF1, 0x50, 0x80, 0x00, 0x7F, 0xFC], [0xFF, 0xF1, 0x50, 0x80, 0x01, 0x7F, 0xFD],
        ] as [[UInt8]])
    func whatIsNoSingleAACFrameIsRefused(bytes: [UInt8]) {
        var stream = ByteBuffer(bytes: bytes)
        #expect(throws: MediaError.invalidValue) { try ADTSHeader.readFrame(from: &stream) }
    }

    @Test func whatADTSCannotSayIsRefused() throws {
        let plain = try AudioSpecificConfig(bytes: [0x12, 0x10])
        #expect(throws: MediaError.limitExceeded) { try ADTSHeader(configuration: plain, payloadLength: 8185) }
        let odd = try AudioSpecificConfig(bytes: [0x17, 0x80, 0x49, 0xD4, 0x14])
        #expect(throws: MediaError.invalidValue) { try ADTSHeader(configuration: odd, payloadLength: 10) }
    }

    @Test func heAACLeavesAsItsCore() throws {
        let header = try ADTSHeader(configuration: AudioSpecificConfig(bytes: Record.aacParametric.bytes), payloadLength: 100)
        #expect(header.objectType == 2)
        #expect(header.channelConfiguration == 1)
        #expect(header.sampleRateIndex == 7)
    }

    @Test(arguments: [Record.opus, .opusSurround])
    func theOpusHeaderIsWrittenAsItWasRead(record: Record) throws {
        #expect(try OpusHead(bytes: record.bytes).bytes == record.bytes)
    }

    @Test func anOpusHeaderWithoutMagicOrChannelsIsRefused() {
        #expect(throws: MediaError.invalidValue) { try OpusHead(bytes: Bytes.from("4f707573546167730102380180bb0000000000")) }
        #expect(throws: MediaError.invalidValue) { try OpusHead(bytes: Bytes.from("4f707573486561640100380180bb0000000000")) }
        #expect(throws: MediaError.unsupportedVersion(0x10)) { try OpusHead(bytes: Bytes.from("4f707573486561641002380180bb0000000000")) }
    }

    @Test(arguments: zip([[0x00], [0x18], [0x78], [0xFC], [0xF9], [0xFB, 0x03], [0x80]] as [[UInt8]], [480, 2880, 960, 960, 1920, 2880, 120]))
    func opusPacketsSayHowLongTheyLast(packet: [UInt8], samples: Int) throws {
        #expect(try OpusPacket.sampleCount(ByteBuffer(bytes: packet)) == samples)
    }

    @Test func opusPacketsOfMoreThan120MillisecondsAreRefused() {
        #expect(throws: MediaError.invalidValue) { try OpusPacket.sampleCount(ByteBuffer(bytes: [0x1B, 0x3F])) }
        #expect(throws: MediaError.invalidValue) { try OpusPacket.sampleCount(ByteBuffer(bytes: [0xFB, 0x00])) }
        #expect(throws: MediaError.truncated) { try OpusPacket.sampleCount(ByteBuffer()) }
        #expect(throws: MediaError.truncated) { try OpusPacket.sampleCount(ByteBuffer(bytes: [0xFB])) }
    }

    @Test func mp3HeadersGiveRateChannelsAndLength() throws {
        let header = try MP3FrameHeader([0xFF, 0xFB, 0x92, 0x64])
        #expect(header.bitrate == 128_000)
        #expect(header.sampleRate == 44_100)
        #expect(header.channelCount == 2)
        #expect(header.frameLength == 418)
        let low = try MP3FrameHeader([0xFF, 0xF3, 0x84, 0xC4])
        #expect(low.version == .mpeg2)
        #expect(low.sampleRate == 24_000)
        #expect(low.channelCount == 1)
        #expect(low.samplesPerFrame == 576)
        #expect(try MP3FrameHeader([0xFF, 0xE3, 0x80, 0x00]).sampleRate == 11_025)
    }

    @Test(
        arguments: [
            [0xFF, 0xFD, 0x90, 0x64], [0xFF, 0xFB, 0xF0, 0x64], [0xFF, 0xFB, 0x9C, 0x64], [0xFF, 0xEB, 0x90, 0x64], [0xFE, 0xFB, 0x90, 0x64],
        ] as [[UInt8]])
    func otherLayersAndForbiddenValuesAreRefused(bytes: [UInt8]) {
        #expect(throws: MediaError.invalidValue) { try MP3FrameHeader(bytes) }
    }
}
