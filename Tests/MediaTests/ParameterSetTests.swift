import Media
import NIOCore
import Testing

@Suite struct ParameterSetTests {
    @Test(arguments: [Record.avcHigh, .avc444Interlaced, .avcBaseline])
    func anAVCRecordBuiltFromItsParameterSetsIsTheEncoders(record: Record) throws {
        let parsed = try AVCConfiguration(record: record.bytes)
        let built = try AVCConfiguration(
            sequenceParameterSets: parsed.sequenceParameterSets, pictureParameterSets: parsed.pictureParameterSets)
        #expect(built.record == record.bytes)
    }

    @Test(arguments: [Record.hevcMain, .hevcMain10])
    func anHEVCRecordBuiltFromItsParameterSetsSaysTheSame(record: Record) throws {
        let parsed = try HEVCConfiguration(record: record.bytes)
        let built = try HEVCConfiguration(
            videoParameterSets: parsed.videoParameterSets, sequenceParameterSets: parsed.sequenceParameterSets,
            pictureParameterSets: parsed.pictureParameterSets)
        #expect(try HEVCConfiguration(record: built.record) == parsed)
        // All but the temporal layers' byte (FFmpeg does not fill it) is the encoder's.
        #expect(built.record.prefix(21) == record.bytes.prefix(21))
        #expect(built.record.dropFirst(22) == record.bytes.dropFirst(22))
    }

    @Test func anAV1RecordBuiltFromItsSequenceHeaderSaysTheSame() throws {
        let parsed = try AV1Configuration(record: Record.av1.bytes)
        let header = try #require(parsed.sequenceHeader)
        let built = try AV1Configuration(sequenceHeader: header)
        #expect(built.record == Record.av1.bytes)
        #expect(built.bitDepth == 8)
    }

    @Test func aNewSequenceParameterSetReplacesTheTrack() throws {
        let track = try Record.avcHigh.track
        let other = try AVCConfiguration(record: Record.avcBaseline.bytes)
        let idr: [UInt8] = [0x65, 1, 2, 3]
        let payload = Bytes.lengthPrefixed(other.sequenceParameterSets + other.pictureParameterSets + [idr])
        let refreshed = try #require(try track.refreshed(byKeyframe: payload))
        #expect(refreshed.configuration == Record.avcBaseline.bytes)
        #expect(try refreshed.refreshed(byKeyframe: payload) == nil)
        #expect(try track.refreshed(byKeyframe: Bytes.lengthPrefixed([idr])) == nil)
    }

    @Test func aPictureParameterSetReplacesTheOneOfItsNumber() throws {
        let track = try Record.avcHigh.track
        let same = [UInt8]([0x68, 0xEE, 0x8F, 0xCB])  // number 0 as well
        let further = [UInt8]([0x68, 0x5B, 0x8F, 0xCB])  // number 1
        let refreshed = try #require(try track.refreshed(byParameterSets: [same, further]))
        let configuration = try AVCConfiguration(record: refreshed.configuration)
        #expect(configuration.pictureParameterSets == [same, further])
        #expect(configuration.sequenceParameterSets == (try AVCConfiguration(record: track.configuration)).sequenceParameterSets)
    }

    @Test func hevcParameterSetsInTheStreamReplaceTheTrack() throws {
        let track = try Record.hevcMain.track
        let other = try HEVCConfiguration(record: Record.hevcMain10.bytes)
        let sets = other.videoParameterSets + other.sequenceParameterSets + other.pictureParameterSets
        let refreshed = try #require(try track.refreshed(byParameterSets: sets))
        #expect(refreshed.codecParameter == "hvc1.2.4.L60.90")
        #expect(try refreshed.refreshed(byParameterSets: sets) == nil)
    }

    @Test func brokenParameterSetsThrowAndLeaveTheTrack() throws {
        let track = try Record.avcHigh.track
        #expect(throws: MediaError.truncated) { try track.refreshed(byParameterSets: [[0x67, 0x64]]) }
        #expect(try track.refreshed(byParameterSets: []) == nil)
        let audio = try Record.opus.track
        #expect(throws: MediaError.unsupportedCodec(.opus)) { try audio.refreshed(byParameterSets: [[0x67]]) }
        #expect(try audio.refreshed(byKeyframe: ByteBuffer(bytes: [1, 2, 3])) == nil)
    }

    @Test func theFirstAV1KeyframeCompletesABareTrack() throws {
        let track = try Record.av1Bare.track
        let header = try #require(try AV1Configuration(record: Record.av1.bytes).sequenceHeader)
        // A frame that is a key frame (show_existing_frame 0, frame_type 0).
        let keyframe = ByteBuffer(bytes: header.unit + [0x32, 0x02, 0x10, 0x00])
        #expect(try AV1OBUReader.isKeyframe(keyframe))
        let refreshed = try #require(try track.refreshed(byKeyframe: keyframe))
        #expect(refreshed.video?.width == 334)
        #expect(try refreshed.refreshed(byKeyframe: keyframe) == nil)
    }

    @Test func aVP9KeyframeGivesSizeAndLevel() throws {
        // Frame marker, profile 0, key frame shown; sync code; BT.601; 1280×720 less one each.
        let bits: [UInt8] = [0x82, 0x49, 0x83, 0x42, 0x20, 0x4F, 0xF0, 0x2C, 0xF0]
        let frame = ByteBuffer(bytes: bits)
        #expect(try VP9KeyframeHeader.isKeyframe(frame))
        var bytes = Record.vp9.bytes
        bytes[1] = 0
        let track = try Track(id: .video, codec: .vp9, configuration: bytes)
        let refreshed = try #require(try track.refreshed(byKeyframe: frame))
        #expect(refreshed.video == VideoFormat(width: 1280, height: 720))
        #expect(refreshed.codecParameter == "vp09.00.31.08")
        #expect(try refreshed.refreshed(byKeyframe: frame) == nil)
        #expect(throws: MediaError.invalidValue) { try VP9KeyframeHeader(ByteBuffer(bytes: [0x86, 0, 0, 0, 0, 0, 0, 0, 0])) }
    }

    /// The bitstream says nothing of it.
    @Test func whatAContainerSaysOfTheWayUpStays() throws {
        let vp8 = ByteBuffer(bytes: [0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x42, 0xE0, 0x01])
        let track = try Track(id: .video, codec: .vp8, configuration: []).turned(.quarter)
        let refreshed = try #require(try track.refreshed(byKeyframe: vp8))
        #expect(refreshed.video == VideoFormat(width: 640, height: 480, turn: .quarter))
        #expect(refreshed.video?.shownWidth == 480 && refreshed.video?.shownHeight == 640)
    }

    @Test func aVP8KeyframeGivesItsSize() throws {
        let frame = ByteBuffer(bytes: [0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0x80, 0x42, 0xE0, 0x01])
        #expect(try VP8KeyframeHeader.isKeyframe(frame))
        let track = try Track(id: .video, codec: .vp8, configuration: [])
        #expect(try track.refreshed(byKeyframe: frame)?.video == VideoFormat(width: 640, height: 480))
        #expect(try !VP8KeyframeHeader.isKeyframe(ByteBuffer(bytes: [0x11])))
        #expect(throws: MediaError.truncated) { try VP8KeyframeHeader(ByteBuffer(bytes: [0x10, 0x02])) }
    }
}
