import Media
import NIOCore
import Testing

@testable import RTMP

@Suite struct FLVAudioTests {
    private func parse(_ text: String) throws(FLVError) -> FLVAudio { try FLVAudio.parse(ByteBuffer(bytes: hex(text))) }

    private func frame(_ codec: Codec, track: UInt8 = 0, nanoseconds: UInt32 = 0, _ data: String) -> FLVAudio {
        .frame(.init(codec: codec, track: track, nanoseconds: nanoseconds, data: ByteBuffer(bytes: hex(data))))
    }

    @Test func legacyFormatsAreRead() throws {
        #expect(try self.parse("af 00 1210") == .configuration(.aac, track: 0, record: ByteBuffer(bytes: hex("1210"))))
        #expect(try self.parse("af 01 aabb") == self.frame(.aac, "aabb"))
        #expect(try self.parse("2f fffb90") == self.frame(.mp3, "fffb90"))
        #expect(try self.parse("e2 fffb90") == self.frame(.mp3, "fffb90"))
    }

    @Test(arguments: [("4f707573", Codec.opus), ("6d703461", .aac), ("2e6d7033", .mp3)])
    func everyFourCCIsRead(fourCC: String, codec: Codec) throws {
        #expect(try self.parse("90" + fourCC + "aa") == .configuration(codec, track: 0, record: ByteBuffer(bytes: [0xAA])))
        #expect(try self.parse("91" + fourCC + "aa") == self.frame(codec, "aa"))
        #expect(try self.parse("92" + fourCC) == .endOfSequence(codec, track: 0))
        #expect(try self.parse("94" + fourCC + "0102") == .multichannel(codec, track: 0, layout: ByteBuffer(bytes: [1, 2])))
    }

    @Test func multitrackAndModExAreRead() throws {
        #expect(try self.parse("95 01 4f707573 04 aa") == self.frame(.opus, track: 4, "aa"))
        #expect(
            try self.parse("95 11 4f707573 00 000001 aa 01 000002 bbcc")
                == .tracks([self.frame(.opus, track: 0, "aa"), self.frame(.opus, track: 1, "bbcc")]))
        #expect(
            try self.parse("95 21 4f707573 00 000001 aa 6d703461 01 000001 bb")
                == .tracks([self.frame(.opus, track: 0, "aa"), self.frame(.aac, track: 1, "bb")]))
        #expect(try self.parse("97 02 000102 01 4f707573 aa") == self.frame(.opus, nanoseconds: 258, "aa"))
    }

    @Test func whatMartletDoesNotCarryIsIgnored() throws {
        #expect(try self.parse("") == .ignored(.empty))
        #expect(try self.parse("af 00") == .ignored(.empty))
        #expect(try self.parse("2f") == .ignored(.empty))
        #expect(try self.parse("b2 aa") == .ignored(.soundFormat(11)))
        #expect(try self.parse("af 07 aa") == .ignored(.packetType(7)))
        #expect(try self.parse("96 4f707573 aa") == .ignored(.packetType(6)))
        #expect(try self.parse("91 61632d33 aa") == .ignored(.fourCC(0x6163_2D33)))
        #expect(try self.parse("95 f1 4f707573 aa") == .ignored(.multitrackType(15)))
    }

    @Test(arguments: ["af", "91", "91 4f7075", "95", "95 11 4f707573 00 00", "97 05 00"]) func cutHeadersAreTruncated(bytes: String) {
        #expect(throws: FLVError.truncated) { try self.parse(bytes) }
    }
}
