import Media
import NIOCore
import Testing

@testable import RTMP

@Suite struct FLVTagTests {
    /// Those that RTMP carries.
    private static let codecs = Codec.allCases.filter { $0 != .vorbis }

    private static func track(_ codec: Codec) -> Track {
        let format: TrackFormat =
            codec.kind == .video
            ? .video(VideoFormat(width: 1280, height: 720, frameRate: 30)) : .audio(AudioFormat(sampleRate: 44100, channelCount: 2))
        let hasRecord = codec != .mp3 && codec != .vp8
        return Track(
            id: codec.kind == .video ? .video : .audio, codec: codec, configuration: hasRecord ? [1, 2, 3, 4] : [], format: format)
    }

    private static func frame(_ codec: Codec, isKeyframe: Bool, offset: Int64 = 0, time: Int64 = 0) -> EncodedFrame {
        EncodedFrame(
            track: .video, kind: codec.kind, isKeyframe: isKeyframe, decodeTime: MediaTime(microseconds: time),
            compositionOffset: MediaTime(microseconds: offset), payload: ByteBuffer(bytes: [9, 9]))
    }

    @Test(arguments: codecs) func whatIsWrittenIsRead(codec: Codec) throws {
        let track = Self.track(codec)
        for isKeyframe in [true, false] {
            for offset in [0, 80, -40] as [Int64] {
                let frame = Self.frame(codec, isKeyframe: isKeyframe, offset: offset * 1000)
                let payload = ByteBuffer(bytes: try #require(FLVTag.header(of: frame, in: track)).bytes + frame.payload.bytes)
                if codec.kind == .audio {
                    #expect(try FLVAudio.parse(payload) == .frame(.init(codec: codec, track: 0, nanoseconds: 0, data: frame.payload)))
                } else {
                    let hasTime = codec == .h264 || codec == .hevc
                    let expected = FLVVideo.Frame(
                        codec: codec, track: 0, isKeyframe: isKeyframe, compositionTime: hasTime ? Int32(offset) : 0, nanoseconds: 0,
                        data: frame.payload)
                    #expect(try FLVVideo.parse(payload) == .frame(expected))
                }
            }
        }
    }

    @Test func whatHasNoNameIsNotWritten() {
        let track = Self.track(.vorbis)
        #expect(FLVTag.header(of: Self.frame(.vorbis, isKeyframe: true), in: track)?.bytes == nil)
        #expect(FLVTag.configurationHeader(track)?.bytes == nil && FLVTag.endOfSequenceHeader(.vorbis)?.bytes == nil)
    }

    @Test(arguments: codecs) func configurationsAreReadAsConfigurations(codec: Codec) throws {
        let track = Self.track(codec)
        guard let header = FLVTag.configurationHeader(track) else {
            #expect(track.configuration.isEmpty)
            return
        }
        let payload = ByteBuffer(bytes: header.bytes + track.configuration)
        let record = ByteBuffer(bytes: track.configuration)
        if codec.kind == .audio {
            #expect(try FLVAudio.parse(payload) == .configuration(codec, track: 0, record: record))
        } else {
            #expect(try FLVVideo.parse(payload) == .configuration(codec, track: 0, record: record))
        }
    }

    @Test(arguments: codecs) func endsOfSequencesAreRead(codec: Codec) throws {
        guard let header = FLVTag.endOfSequenceHeader(codec) else {
            #expect(codec.kind == .audio)
            return
        }
        #expect(try FLVVideo.parse(ByteBuffer(bytes: header.bytes)) == .endOfSequence(codec, track: 0))
    }

    @Test func legacyCodecsHaveLegacyHeaders() {
        #expect(FLVTag.header(of: Self.frame(.h264, isKeyframe: true, offset: 40_000), in: Self.track(.h264))?.bytes == hex("17 01 000028"))
        #expect(FLVTag.header(of: Self.frame(.h264, isKeyframe: false, offset: -1000), in: Self.track(.h264))?.bytes == hex("27 01 ffffff"))
        #expect(FLVTag.header(of: Self.frame(.aac, isKeyframe: true), in: Self.track(.aac))?.bytes == hex("af 01"))
        #expect(FLVTag.header(of: Self.frame(.mp3, isKeyframe: true), in: Self.track(.mp3))?.bytes == hex("2f"))
        var mono = Self.track(.mp3)
        mono.format = .audio(AudioFormat(sampleRate: 22050, channelCount: 1))
        #expect(FLVTag.header(of: Self.frame(.mp3, isKeyframe: true), in: mono)?.bytes == hex("2a"))
        #expect(FLVTag.header(of: Self.frame(.hevc, isKeyframe: true), in: Self.track(.hevc))?.bytes == hex("93 68766331"))
    }

    @Test func timestampPlusCompositionTimeIsThePresentationTimeRoundedDown() {
        // 33,333 µs + 33,334 µs: rounding each part would lose a millisecond.
        let frame = Self.frame(.h264, isKeyframe: false, offset: 33_667, time: 33_333)
        #expect(FLVTag.timestamp(of: frame) == 33)
        #expect(FLVTag.header(of: frame, in: Self.track(.h264))?.bytes == hex("27 01 000022"))
    }

    @Test func compositionTimesBeyond24BitsAreHeld() {
        let frame = Self.frame(.h264, isKeyframe: false, offset: 1 << 50)
        #expect(FLVTag.header(of: frame, in: Self.track(.h264))?.bytes == hex("27 01 7fffff"))
    }

    @Test func timestampsWrapAt32Bits() {
        #expect(FLVTag.timestamp(of: Self.frame(.aac, isKeyframe: true, time: (1 << 32) * 1000 + 5000)) == 5)
        #expect(FLVTag.timestamp(of: Self.frame(.aac, isKeyframe: true, time: -1000)) == .max)
    }

    @Test func aHeaderIsWrittenWithoutItsSpareBytes() {
        var out = ByteBuffer(bytes: [1])
        FLVHeader(0xAF, 0x01).write(into: &out)
        out.writeInteger(UInt8(2))
        #expect(out.bytes == [1, 0xAF, 0x01, 2])
    }
}
