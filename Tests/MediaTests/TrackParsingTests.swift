import Media
import NIOCore
import Testing

@Suite struct TrackParsingTests {
    @Test(arguments: [Record.avcHigh, .avc444Interlaced, .avcBaseline, .hevcMain, .hevcMain10])
    func theSizeIsCroppedAndTheFrameRateComesFromTheUsabilityInformation(record: Record) throws {
        let video = try #require(try record.track.video)
        #expect(video.width == 334)
        #expect(video.height == 190)
        #expect(video.frameRate == 30)
    }

    @Test func theSizeOfAV1ComesFromItsSequenceHeader() throws {
        let track = try Record.av1.track
        #expect(track.video?.width == 334)
        #expect(track.video?.height == 190)
    }

    @Test(arguments: [Record.av1Bare, .vp9, .vp9InBox])
    func whatARecordDoesNotSayIsZero(record: Record) throws {
        let video = try #require(try record.track.video)
        #expect(video.width == 0)
        #expect(video.height == 0)
        #expect(video.frameRate == nil)
    }

    @Test func bothSpellingsOfTheVPRecordMakeEqualTracks() throws {
        #expect(try Record.vp9InBox.track == Record.vp9.track)
    }

    @Test(
        arguments: zip(
            [Record.aacLowComplexity, .aacPlain, .aacSBR, .aacParametric, .aacSBRCompatible],
            [
                AudioFormat(sampleRate: 44_100, channelCount: 1, samplesPerPacket: 1024),
                AudioFormat(sampleRate: 44_100, channelCount: 2, samplesPerPacket: 1024),
                AudioFormat(sampleRate: 48_000, channelCount: 2, samplesPerPacket: 2048),
                AudioFormat(sampleRate: 44_100, channelCount: 2, samplesPerPacket: 2048),
                AudioFormat(sampleRate: 48_000, channelCount: 2, samplesPerPacket: 2048),
            ]))
    func audioIsDescribedAsItIsHeard(record: Record, format: AudioFormat) throws {
        #expect(try record.track.audio == format)
    }

    @Test func aChannelConfigurationOfZeroIsTakenAsTwoChannels() throws {
        let track = try Track(id: .audio, codec: .aac, configuration: [0x12, 0x00, 0x04, 0xC8])
        #expect(track.audio == AudioFormat(sampleRate: 44_100, channelCount: 2, samplesPerPacket: 1024))
    }

    @Test func anExplicitSamplingRateAndShortFramesAreRead() throws {
        // LC, index 15, 37,800 Hz, 2 channels, frames of 960.
        let track = try Track(id: .audio, codec: .aac, configuration: [0x17, 0x80, 0x49, 0xD4, 0x14])
        #expect(track.audio == AudioFormat(sampleRate: 37_800, channelCount: 2, samplesPerPacket: 960))
    }

    @Test func opusAlwaysPlaysAt48Kilohertz() throws {
        #expect(try Record.opus.track.audio == AudioFormat(sampleRate: 48_000, channelCount: 2))
        #expect(try Record.opusSurround.track.audio == AudioFormat(sampleRate: 48_000, channelCount: 6))
    }

    @Test func mp3IsDescribedByAFrame() throws {
        let track = try Track(id: .audio, mp3Frame: [0xFF, 0xFB, 0x90, 0x64, 0, 0])
        #expect(track.audio == AudioFormat(sampleRate: 44_100, channelCount: 2, samplesPerPacket: 1152))
        #expect(track.configuration.isEmpty)
        #expect(throws: MediaError.unsupportedCodec(.mp3)) { try Track(id: .audio, codec: .mp3, configuration: []) }
    }

    @Test func theStoredRecordSaysFourByteLengthsWhateverTheSourceUses() throws {
        var bytes = Record.avcHigh.bytes
        bytes[4] = 0xFC
        #expect(try Track.nalLengthSize(codec: .h264, configuration: bytes) == 1)
        let track = try Track(id: .video, codec: .h264, configuration: bytes)
        #expect(track.configuration == Record.avcHigh.bytes)
        #expect(throws: MediaError.unsupportedCodec(.av1)) { try Track.nalLengthSize(codec: .av1, configuration: Record.av1.bytes) }
    }

    @Test func recordsWithoutParameterSetsAreRefused() {
        let noSequence = Bytes.from("0164000dffe0") + Bytes.from("01000468ef8fcb")
        let emptySequence = Bytes.from("0164000dffe10000") + Bytes.from("01000468ef8fcb")
        let noPicture = Bytes.from("0142c00dffe100176742c00dda05467aac0440000003004000000f03c50aa800")
        for record in [noSequence, emptySequence, noPicture] {
            #expect(throws: MediaError.missingParameterSet) { try Track(id: .video, codec: .h264, configuration: record) }
        }
        let noArrays = Array(Record.hevcMain.bytes.prefix(22)) + [0]
        #expect(throws: MediaError.missingParameterSet) { try Track(id: .video, codec: .hevc, configuration: noArrays) }
    }

    @Test func unknownVersionsAndHugeRecordsAreRefused() {
        #expect(throws: MediaError.unsupportedVersion(2)) {
            try Track(id: .video, codec: .h264, configuration: [2] + Record.avcHigh.bytes.dropFirst())
        }
        #expect(throws: MediaError.unsupportedVersion(2)) { try Track(id: .video, codec: .av1, configuration: [0x82, 0, 0, 0]) }
        #expect(throws: MediaError.limitExceeded) {
            try Track(id: .video, codec: .h264, configuration: Record.avcHigh.bytes + [UInt8](repeating: 0, count: 70_000))
        }
    }

    @Test(
        arguments: zip(
            Record.all,
            [
                "avc1.64000d", "avc1.f40015", "avc1.42c00d", "hvc1.1.6.L60.90", "hvc1.2.4.L60.90", "av01.0.00M.08", "av01.0.08M.10",
                "vp09.00.11.08", "vp09.00.11.08", "mp4a.40.2", "mp4a.40.2", "mp4a.40.5", "mp4a.40.29", "mp4a.40.5", "opus", "opus",
            ]))
    func codecsAreNamedAsPlaylistsWantThem(record: Record, name: String) throws {
        #expect(try record.track.codecParameter == name)
    }

    @Test func theNamesWithoutRecordAreTheCommonOnes() throws {
        #expect(try Track(id: .audio, mp3Frame: [0xFF, 0xFB, 0x90, 0x64]).codecParameter == "mp4a.40.34")
        #expect(try Track(id: .video, codec: .vp8, configuration: []).codecParameter == "vp8")
        let broken = Track(id: .video, codec: .h264, configuration: [], format: .video(VideoFormat(width: 0, height: 0)))
        #expect(broken.codecParameter == "avc1")
    }

    @Test func aPublishedExampleOfEachParameterComesOutAsPublished() throws {
        // ISO/IEC 14496-15 §E.3 has hvc1.1.6.L93.B0 for Main profile, Main tier, level 3.1, progressive frames only.
        var bytes = Record.hevcMain.bytes
        bytes.replaceSubrange(1..<13, with: [0x01, 0x60, 0, 0, 0, 0xB0, 0, 0, 0, 0, 0, 93])
        #expect(try Track(id: .video, codec: .hevc, configuration: bytes).codecParameter == "hvc1.1.6.L93.B0")
        var level = Record.vp9.bytes
        level[1] = 10
        #expect(try Track(id: .video, codec: .vp9, configuration: level).codecParameter == "vp09.00.10.08")
        #expect(try Track(id: .video, codec: .av1, configuration: [0x81, 0x04, 0x0C, 0]).codecParameter == "av01.0.04M.08")
    }
}
