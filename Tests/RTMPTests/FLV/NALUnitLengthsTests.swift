import Media
import NIOCore
import Testing

@testable import RTMP

@Suite struct NALUnitLengthsTests {
    @Test func theSizeIsReadFromTheRecord() {
        for size in 1...4 {
            let avc = ByteBuffer(bytes: [1, 100, 0, 40, 0xFC | UInt8(size - 1), 0xE1])
            let hevc = ByteBuffer(bytes: [UInt8](repeating: 0, count: 21) + [0x0C | UInt8(size - 1), 0])
            #expect(NALUnitLengths.size(.h264, record: avc) == size)
            #expect(NALUnitLengths.size(.hevc, record: hevc) == size)
            let four = NALUnitLengths.recordWithFourByteLengths(.h264, record: avc)
            #expect(four.bytes == [1, 100, 0, 40, 0xFF, 0xE1])
            #expect(NALUnitLengths.size(.hevc, record: NALUnitLengths.recordWithFourByteLengths(.hevc, record: hevc)) == 4)
        }
        #expect(NALUnitLengths.size(.h264, record: ByteBuffer(bytes: [1, 2, 3, 4])) == nil)
        #expect(NALUnitLengths.size(.av1, record: ByteBuffer(repeating: 3, count: 40)) == nil)
    }

    @Test(arguments: 1...3) func shortPrefixesBecomeFourBytes(size: Int) throws {
        let prefix = [UInt8](repeating: 0, count: size - 1)
        let payload = ByteBuffer(bytes: prefix + [2, 0xAA, 0xBB] + prefix + [0] + prefix + [1, 0xCC])
        #expect(try NALUnitLengths.withFourBytes(payload, from: size).bytes == hex("00000002 aabb 00000000 00000001 cc"))
    }

    @Test func fourBytesStay() throws {
        let payload = ByteBuffer(bytes: [9, 9])
        #expect(try NALUnitLengths.withFourBytes(payload, from: 4) == payload)
    }

    @Test func unitsCannotClaimMoreThanThereIs() {
        #expect(throws: FLVError.unitLengthOutOfRange(claimed: 0xFFFFFF, available: 1)) {
            try NALUnitLengths.withFourBytes(ByteBuffer(bytes: hex("ffffff aa")), from: 3)
        }
        #expect(throws: FLVError.truncated) { try NALUnitLengths.withFourBytes(ByteBuffer(bytes: [0]), from: 2) }
        #expect(throws: FLVError.unsupportedLengthSize(5)) { try NALUnitLengths.withFourBytes(ByteBuffer(bytes: [0]), from: 5) }
    }
}
