import Media
import NIOCore
import Testing

@Suite struct NALUnitTests {
    private func units(_ payload: ByteBuffer, lengthSize: Int = 4) throws(MediaError) -> [[UInt8]] {
        var reader = NALUnitReader(payload, lengthSize: lengthSize)
        var units: [[UInt8]] = []
        while let unit = try reader.next() { units.append(Array(unit.readableBytesView)) }
        return units
    }

    @Test func emptyUnitsAreSkipped() throws {
        #expect(try self.units(Bytes.lengthPrefixed([[], [0x65, 1], [], [0x41]])) == [[0x65, 1], [0x41]])
        #expect(try self.units(ByteBuffer()) == [])
    }

    @Test(arguments: [[0, 0, 0, 5, 1, 2] as [UInt8], [0xFF, 0xFF, 0xFF, 0xFF, 1], [0, 0, 1], [0, 0, 0, 1, 9, 0]])
    func lengthsBeyondThePayloadAreRefused(bytes: [UInt8]) {
        #expect(throws: MediaError.truncated) { try self.units(ByteBuffer(bytes: bytes)) }
    }

    @Test func shortLengthsAreBroughtToFourBytes() throws {
        let two = ByteBuffer(bytes: [0, 2, 0x65, 1, 0, 1, 0x41])
        #expect(try self.units(two, lengthSize: 2) == [[0x65, 1], [0x41]])
        let unit = try NALAccessUnit(two, codec: .h264, lengthSize: 2)
        #expect(unit.payload == Bytes.lengthPrefixed([[0x65, 1], [0x41]]))
        let one = ByteBuffer(bytes: [2, 0x65, 1])
        #expect(try NALAccessUnit(one, codec: .h264, lengthSize: 1).payload == Bytes.lengthPrefixed([[0x65, 1]]))
    }

    @Test func parameterSetsAreTakenOutOfTheAccessUnit() throws {
        let source = Bytes.lengthPrefixed([[0x09, 0xF0], [0x67, 1], [0x68, 2], [0x06, 5], [0x65, 7], [0x0C, 0xFF]])
        let unit = try NALAccessUnit(source, codec: .h264)
        #expect(unit.isKeyframe)
        #expect(unit.parameterSets == [[0x67, 1], [0x68, 2]])
        #expect(unit.payload == Bytes.lengthPrefixed([[0x06, 5], [0x65, 7]]))
    }

    @Test func anAccessUnitWithNothingToRemoveIsTheSameBytes() throws {
        let source = Bytes.lengthPrefixed([[0x41, 1, 2, 3]])
        let unit = try NALAccessUnit(source, codec: .h264)
        #expect(!unit.isKeyframe)
        let before = source.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        #expect(unit.payload.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) } == before)
    }

    @Test(arguments: zip([16, 19, 20, 21, 1, 9, 32] as [UInt8], [true, true, true, true, false, false, false]))
    func hevcKeyframesAreRandomAccessPoints(type: UInt8, isKeyframe: Bool) throws {
        let payload = Bytes.lengthPrefixed([[type << 1, 1, 0xAF]])
        #expect(try NALAccessUnit.isKeyframe(payload, codec: .hevc) == isKeyframe)
        #expect(try NALAccessUnit(payload, codec: .hevc).isKeyframe == isKeyframe)
    }

    @Test func onlyNALCodecsAreTaken() {
        #expect(throws: MediaError.unsupportedCodec(.av1)) { try NALAccessUnit(ByteBuffer(), codec: .av1) }
        #expect(throws: MediaError.unsupportedCodec(.aac)) { try NALAccessUnit.isKeyframe(ByteBuffer(), codec: .aac) }
    }

    @Test func thousandsOfParameterSetsAreRefused() {
        let source = Bytes.lengthPrefixed([[UInt8]](repeating: [0x67, 1], count: 65))
        #expect(throws: MediaError.limitExceeded) { try NALAccessUnit(source, codec: .h264) }
    }

    @Test func theByteStreamFormatGoesThereAndBack() throws {
        let payload = Bytes.lengthPrefixed([[0x67, 1, 0, 0, 3, 1], [0x68, 2], [0x65, 0x80]])
        let stream = try AnnexB.fromLengthPrefixed(payload)
        #expect(stream == ByteBuffer(bytes: [0, 0, 0, 1, 0x67, 1, 0, 0, 3, 1, 0, 0, 0, 1, 0x68, 2, 0, 0, 0, 1, 0x65, 0x80]))
        #expect(try AnnexB.toLengthPrefixed(stream) == payload)
        let headed = try AnnexB.fromLengthPrefixed(Bytes.lengthPrefixed([[0x65]]), parameterSets: [[0x67, 9]])
        #expect(headed == ByteBuffer(bytes: [0, 0, 0, 1, 0x67, 9, 0, 0, 0, 1, 0x65]))
    }

    @Test func shortStartCodesTrailingZerosAndEmptyUnitsAreUnderstood() throws {
        let stream = ByteBuffer(bytes: [0, 0, 0, 0, 1, 0x67, 1, 0, 0, 0, 1, 0, 0, 1, 0x65, 2, 0, 0, 0])
        #expect(try AnnexB.toLengthPrefixed(stream) == Bytes.lengthPrefixed([[0x67, 1], [0x65, 2]]))
        #expect(try AnnexB.toLengthPrefixed(ByteBuffer()) == ByteBuffer())
    }

    @Test(arguments: [[1, 2, 3] as [UInt8], [9, 0, 0, 1, 0x65], [0, 0, 0]])
    func bytesWithoutStartCodeAreRefused(bytes: [UInt8]) {
        #expect(throws: MediaError.invalidValue) { try AnnexB.toLengthPrefixed(ByteBuffer(bytes: bytes)) }
    }

    @Test func aFloodOfStartCodesIsRefused() {
        var stream = ByteBuffer()
        for _ in 0..<5000 { stream.writeBytes([0, 0, 1, 0x41]) }
        #expect(throws: MediaError.limitExceeded) { try AnnexB.toLengthPrefixed(stream) }
    }
}
