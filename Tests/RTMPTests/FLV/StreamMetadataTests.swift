import Media
import NIOCore
import Testing

@testable import RTMP

@Suite struct StreamMetadataTests {
    @Test func ffmpegsMetadataIsRead() throws {
        var decoder = ChunkDecoder()
        let data = try #require(try decoder.all(try Vectors.bytes("ffmpeg-publish.bin")).first { $0.type == .dataAMF0 })
        let metadata = try #require(StreamMetadata(try AMF0Decoder.decodeAll(data.payload)))
        #expect(metadata.width == 64)
        #expect(metadata.height == 48)
        #expect(metadata.frameRate == 10)
        #expect(metadata.videoCodec == .h264)
        #expect(metadata.audioCodec == .aac)
        #expect(metadata.encoder == "Lavf59.27.100")
    }

    @Test func absurdValuesAreNotBelieved() throws {
        let object: AMF0Object = [
            "width": .number(.nan), "height": 1e300, "framerate": .number(-.infinity), "videocodecid": 1e99, "audiocodecid": "none",
        ]
        let metadata = StreamMetadata(properties: object)
        #expect(metadata.width == nil)
        #expect(metadata.height == nil)
        #expect(metadata.frameRate == nil)
        #expect(metadata.videoCodec == nil)
        #expect(metadata.audioCodec == nil)
        #expect(metadata.encoder == nil)
    }

    @Test(arguments: Codec.allCases) func ourOwnMetadataIsReadBack(codec: Codec) throws {
        let isVideo = codec.kind == .video
        let format: TrackFormat =
            isVideo
            ? .video(VideoFormat(width: 1920, height: 1080, frameRate: 25)) : .audio(AudioFormat(sampleRate: 48000, channelCount: 2))
        let track = Track(id: .video, codec: codec, configuration: [], format: format)
        let sent = StreamMetadata([track], encoder: "Martlet")
        for forServer in [true, false] {
            let values = try AMF0Decoder.decodeAll(sent.payload(forServer: forServer))
            let read = try #require(StreamMetadata(values))
            #expect(values.first?.string == (forServer ? "@setDataFrame" : "onMetaData"))
            #expect(read == sent)
            #expect(read.videoCodec == (isVideo ? codec : nil))
            #expect(read.audioCodec == (isVideo || codec == .vorbis ? nil : codec), "RTMP has no name for Vorbis")
            #expect(read.width == (isVideo ? 1920 : nil))
            #expect(read.encoder == "Martlet")
        }
    }

    @Test func codecsMayBeSaidAsText() {
        #expect(StreamMetadata(properties: ["videocodecid": "hvc1", "audiocodecid": "Opus"]).videoCodec == .hevc)
        #expect(StreamMetadata(properties: ["videocodecid": "hvc1", "audiocodecid": "Opus"]).audioCodec == .opus)
    }

    @Test func otherDataIsNoMetadata() {
        #expect(StreamMetadata(["onTextData", .object([:])]) == nil)
        #expect(StreamMetadata(["onMetaData"]) == nil)
        #expect(StreamMetadata(["@setDataFrame", "onMetaData", 5]) == nil)
        #expect(StreamMetadata([]) == nil)
    }
}
