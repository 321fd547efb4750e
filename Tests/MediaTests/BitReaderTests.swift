import Testing

@testable import Media

@Suite struct BitReaderTests {
    @Test func bitsComeMostSignificantFirstAcrossBytes() throws {
        var reader = BitReader([0b1010_0101, 0b1100_0011, 0xFF, 0, 0x80])
        #expect(try reader.bits(1) == 1)
        #expect(try reader.bits(5) == 0b01001)
        #expect(try reader.bits(6) == 0b01_1100)
        #expect(reader.bitsLeft == 28)
        #expect(try reader.bits(0) == 0)
        #expect(try reader.bits(28) == 0x3FF0080)
    }

    @Test func thirtyTwoBitsAreReadWhole() throws {
        var reader = BitReader([0x7F, 0xFF, 0xFF, 0xFF, 0xFF])
        #expect(try reader.bits(1) == 0)
        #expect(try reader.bits(32) == .max)
    }

    @Test func pastTheEndIsRefusedAndMovesNothing() throws {
        var reader = BitReader([0xAB])
        #expect(throws: MediaError.truncated) { try reader.bits(9) }
        #expect(throws: MediaError.truncated) { try reader.skip(9) }
        #expect(throws: MediaError.truncated) { try reader.bits(33) }
        #expect(throws: MediaError.truncated) { try reader.skip(-1) }
        #expect(try reader.bits(8) == 0xAB)
    }

    @Test(arguments: zip([0b1000_0000, 0b0100_0000, 0b0110_0000, 0b0010_0000, 0b0001_0100] as [UInt8], [0, 1, 2, 3, 9] as [UInt32]))
    func exponentialGolombCodesAreThoseOfTheTable(byte: UInt8, value: UInt32) throws {
        var reader = BitReader([byte])
        #expect(try reader.unsignedExpGolomb() == value)
    }

    @Test(arguments: zip([0b1000_0000, 0b0100_0000, 0b0110_0000, 0b0010_0000, 0b0010_1000] as [UInt8], [0, 1, -1, 2, -2] as [Int32]))
    func signedCodesAlternate(byte: UInt8, value: Int32) throws {
        var reader = BitReader([byte])
        #expect(try reader.signedExpGolomb() == value)
    }

    @Test func theLargestCodeIsReadAndALongerOneRefused() throws {
        var largest = BitReader([0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFE])
        #expect(try largest.unsignedExpGolomb() == UInt32.max - 1)
        var tooLong = BitReader([0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])
        #expect(throws: MediaError.invalidValue) { try tooLong.unsignedExpGolomb() }
        var limited = BitReader([0b0010_0000])
        #expect(throws: MediaError.limitExceeded) { try limited.unsignedExpGolomb(limit: 2) }
    }

    @Test func emulationPreventionGoesOnlyWhereItWasPutIn() {
        #expect(BitReader.withoutEmulationPrevention([0, 0, 3, 1, 0, 0, 3, 0, 0, 3]) == [0, 0, 1, 0, 0, 0, 0])
        #expect(BitReader.withoutEmulationPrevention([0, 3, 0, 0, 0, 3, 3]) == [0, 3, 0, 0, 0, 3])
    }
}
