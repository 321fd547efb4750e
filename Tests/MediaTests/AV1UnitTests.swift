import Media
import NIOCore
import Testing

@Suite struct AV1UnitTests {
    private static let delimiter: [UInt8] = [0x12, 0x00]
    private static let header = Array(Record.av1.bytes.dropFirst(4))

    @Test func temporalDelimitersAreTakenOut() throws {
        let frame: [UInt8] = [0x32, 0x02, 0x10, 0x00]
        let unit = try AV1OBUReader.withoutTemporalDelimiters(ByteBuffer(bytes: Self.delimiter + Self.header + frame))
        #expect(unit == ByteBuffer(bytes: Self.header + frame))
        let clean = ByteBuffer(bytes: frame)
        #expect(try AV1OBUReader.withoutTemporalDelimiters(clean) == clean)
    }

    @Test func aKeyframeHasASequenceHeaderAndAKeyFrame() throws {
        let key: [UInt8] = [0x32, 0x01, 0x10]
        let inter: [UInt8] = [0x32, 0x01, 0x30]
        #expect(try AV1OBUReader.isKeyframe(ByteBuffer(bytes: Self.header + key)))
        #expect(try !AV1OBUReader.isKeyframe(ByteBuffer(bytes: key)))
        #expect(try !AV1OBUReader.isKeyframe(ByteBuffer(bytes: Self.header + inter)))
    }

    @Test func aUnitWithoutSizeReachesToTheEndAndExtensionsAreSkipped() throws {
        var reader = AV1OBUReader(ByteBuffer(bytes: [0x36, 0x20, 0x02, 0xAA, 0xBB, 0x30, 0xCC]))
        let first = try #require(try reader.next())
        #expect(first.type == 6)
        #expect(Array(first.payload.readableBytesView) == [0xAA, 0xBB])
        #expect(first.whole.readableBytes == 5)
        let second = try #require(try reader.next())
        #expect(Array(second.payload.readableBytesView) == [0xCC])
        #expect(try reader.next() == nil)
    }

    @Test(
        arguments: zip(
            [
                [0x32], [0x32, 0x05, 0x00], [0xB2, 0x00], [0x36], [0x32, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
                [0x32, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80],
            ]
                as [[UInt8]],
            [MediaError.truncated, .truncated, .invalidValue, .truncated, .limitExceeded, .invalidValue]))
    func malformedUnitsAreRefused(bytes: [UInt8], error: MediaError) {
        var reader = AV1OBUReader(ByteBuffer(bytes: bytes))
        #expect(throws: error) { try reader.next() }
    }
}
