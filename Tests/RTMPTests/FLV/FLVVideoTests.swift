import Media
import NIOCore
import Testing

@testable import RTMP

@Suite struct FLVVideoTests {
    private func parse(_ text: String) throws(FLVError) -> FLVVideo { try FLVVideo.parse(ByteBuffer(bytes: hex(text))) }

    private func frame(
        _ codec: Codec, track: UInt8 = 0, key: Bool, time compositionTime: Int32 = 0, nanoseconds: UInt32 = 0, _ data: String
    ) -> FLVVideo {
        .frame(
            .init(
                codec: codec, track: track, isKeyframe: key, compositionTime: compositionTime, nanoseconds: nanoseconds,
                data: ByteBuffer(bytes: hex(data))))
    }

    @Test func legacyH264AndHEVCAreRead() throws {
        #expect(try self.parse("17 00 000000 01640028") == .configuration(.h264, track: 0, record: ByteBuffer(bytes: hex("01640028"))))
        #expect(try self.parse("17 01 000050 aabb") == self.frame(.h264, key: true, time: 80, "aabb"))
        #expect(try self.parse("27 01 ffffd8 aabb") == self.frame(.h264, key: false, time: -40, "aabb"))
        #expect(try self.parse("17 02 000000") == .endOfSequence(.h264, track: 0))
        #expect(try self.parse("17 02") == .endOfSequence(.h264, track: 0))
        #expect(try self.parse("1c 00 000000 01") == .configuration(.hevc, track: 0, record: ByteBuffer(bytes: [1])))
        #expect(try self.parse("2c 01 800000 aa") == self.frame(.hevc, key: false, time: -0x80_0000, "aa"))
    }

    @Test(arguments: [
        ("hvc1", "68766331", Codec.hevc), ("avc1", "61766331", .h264), ("av01", "61763031", .av1), ("vp09", "76703039", .vp9),
        ("vp08", "76703038", .vp8),
    ])
    func everyFourCCIsRead(name: String, fourCC: String, codec: Codec) throws {
        #expect(try self.parse("90" + fourCC + "aabb") == .configuration(codec, track: 0, record: ByteBuffer(bytes: hex("aabb"))))
        #expect(try self.parse("92" + fourCC) == .endOfSequence(codec, track: 0))
        #expect(try self.parse("a3" + fourCC + "aabb") == self.frame(codec, key: false, "aabb"))
        let hasTime = codec == .h264 || codec == .hevc
        #expect(try self.parse("91" + fourCC + (hasTime ? "fffffe" : "") + "aabb") == self.frame(codec, key: true, time: hasTime ? -2 : 0, "aabb"))
    }

    @Test func metadataAndTransportDescriptorsAreToldApart() throws {
        #expect(try self.parse("94 68766331 020000") == .metadata(ByteBuffer(bytes: hex("020000"))))
        #expect(try self.parse("95 61763031 80") == .ignored(.packetType(5)))
        #expect(try self.parse("9a 61763031 80") == .ignored(.packetType(10)))
        #expect(try self.parse("90 76766331 80") == .ignored(.fourCC(0x7676_6331)))
        #expect(try self.parse("90 4f707573 80") == .ignored(.fourCC(0x4F70_7573)))
    }

    @Test func oneTrackOfAMultitrackMessageIsReadAsItself() throws {
        #expect(try self.parse("96 01 68766331 07 000005 aabb") == self.frame(.hevc, track: 7, key: true, time: 5, "aabb"))
    }

    @Test func manyTracksOfOneCodecAreRead() throws {
        let expected = FLVVideo.tracks([
            self.frame(.av1, track: 0, key: false, "aabb"), self.frame(.av1, track: 1, key: false, "cc"),
        ])
        #expect(try self.parse("a6 11 61763031 00 000002 aabb 01 000001 cc") == expected)
    }

    @Test func manyTracksOfManyCodecsAreRead() throws {
        let expected = FLVVideo.tracks([
            self.frame(.vp9, track: 2, key: true, "aabb"), .ignored(.fourCC(0x7676_6331)), self.frame(.av1, track: 3, key: true, "dd"),
        ])
        #expect(try self.parse("96 21 76703039 02 000002 aabb 76766331 09 000001 cc 61763031 03 000001 dd") == expected)
    }

    @Test func modExAddsNanosecondsAndUnknownOnesAreSkipped() throws {
        // Type 0 with 3 bytes, then CodedFramesX.
        #expect(try self.parse("97 02 0f423f 03 61763031 aa") == self.frame(.av1, key: true, nanoseconds: 999_999, "aa"))
        // A type 5 of 256 bytes in its long form, then type 0, then CodedFramesX.
        let long = "97 ff 00ff" + String(repeating: "00", count: 256) + "57 02 000007 03"
        #expect(try self.parse(long + "61763031 aa") == self.frame(.av1, key: true, nanoseconds: 7, "aa"))
    }

    @Test func whatMartletDoesNotCarryIsIgnored() throws {
        #expect(try self.parse("") == .ignored(.empty))
        #expect(try self.parse("17 00 000000") == .ignored(.empty))
        #expect(try self.parse("17 01 000000") == .ignored(.empty))
        #expect(try self.parse("57 00") == .ignored(.command))
        #expect(try self.parse("d1 00") == .ignored(.command))
        #expect(try self.parse("12 00 aa") == .ignored(.codec(2)))
        #expect(try self.parse("17 09 000000 aa") == .ignored(.packetType(9)))
        #expect(try self.parse("96 51 68766331 00") == .ignored(.multitrackType(5)))
    }

    @Test(arguments: ["17", "17 01 0000", "91", "91 687663", "91 68766331 0000", "97", "97 02 0000", "96", "96 11 687663", "96 11 68766331 00 00"])
    func cutHeadersAreTruncated(bytes: String) {
        #expect(throws: FLVError.truncated) { try self.parse(bytes) }
    }

    @Test func aTrackCannotClaimMoreThanThereIs() {
        #expect(throws: FLVError.trackLengthOutOfRange(claimed: 0xFFFFFF, available: 1)) { try self.parse("a6 11 61763031 00 ffffff aa") }
    }

    @Test func framesAreSlicesOfTheMessage() throws {
        let payload = ByteBuffer(bytes: hex("17 01 000000 aabb"))
        guard case .frame(let frame) = try FLVVideo.parse(payload) else {
            Issue.record("should be a frame")
            return
        }
        let start = payload.withUnsafeReadableBytes { $0.baseAddress! + 5 }
        #expect(frame.data.withUnsafeReadableBytes { $0.baseAddress } == start)
    }
}
