import Media
import NIOCore
import RTMP
import Streams
import Testing

@testable import Outputs

/// A feed whose messages are read back.
private struct FeedBench {
    var feed = PushFeed(messageStreamID: 1, chunkSize: 500)
    private var decoder = ChunkDecoder()

    init() throws {
        var size = ControlMessage.setChunkSize(500).bytes(chunkSize: 128)
        let message = try self.decoder.next(from: &size)
        #expect(message?.type == .setChunkSize)
    }

    mutating func write(_ items: StreamItem...) throws -> [RTMPMessage] {
        var bytes = ByteBuffer()
        for item in items { self.feed.write(item, into: &bytes) }
        var messages: [RTMPMessage] = []
        while let message = try self.decoder.next(from: &bytes) { messages.append(message) }
        return messages
    }

    static func frame(
        _ track: TrackID, at milliseconds: Int64, isKeyframe: Bool = true, offset: Int64 = 0, kind: MediaKind? = nil, size: Int = 1200
    ) -> StreamItem {
        .frame(
            EncodedFrame(
                track: track, kind: kind ?? (track == .audio ? .audio : .video), isKeyframe: isKeyframe,
                decodeTime: MediaTime(milliseconds: milliseconds), compositionOffset: MediaTime(milliseconds: offset),
                payload: ByteBuffer(repeating: 7, count: size)))
    }
}

@Suite struct PushFeedTests {
    private let both = StreamItem.tracks([TestPublisher.videoTrack, TestPublisher.audioTrack])

    @Test func metadataAndHeadersComeFirstAtZero() throws {
        var bench = try FeedBench()
        let messages = try bench.write(self.both)
        #expect(messages.map(\.type) == [.dataAMF0, .video, .audio])
        #expect(messages.allSatisfy { $0.timestamp == 0 && $0.messageStreamID == 1 })
        let values = try AMF0Decoder.decodeAll(messages[0].payload)
        #expect(values.first?.string == "@setDataFrame" && values.dropFirst().first?.string == "onMetaData")
        #expect(values.last?.object?["encoder"]?.string == "Martlet")
        #expect(Array(messages[2].payload.readableBytesView) == [0xAF, 0, 0x11, 0x90])
        #expect(try bench.write(self.both).isEmpty, "the same again says nothing")
    }

    @Test func picturesBeginAtAKeyframeAndSoundBeforeItIsDropped() throws {
        var bench = try FeedBench()
        _ = try bench.write(self.both)
        #expect(try bench.write(FeedBench.frame(.video, at: 5_000, isKeyframe: false), FeedBench.frame(.audio, at: 5_010)).isEmpty)
        let first = try bench.write(FeedBench.frame(.video, at: 5_040))
        #expect(first.map(\.timestamp) == [0])
        let next = try bench.write(
            FeedBench.frame(.audio, at: 5_030), FeedBench.frame(.audio, at: 5_050),
            FeedBench.frame(.video, at: 5_080, isKeyframe: false))
        #expect(next.map(\.type) == [.audio, .video], "sound from before the first picture is left out")
        #expect(next.map(\.timestamp) == [10, 40])
    }

    @Test func aNegativeCompositionOffsetIsCarriedAsSignedTwentyFourBits() throws {
        var bench = try FeedBench()
        _ = try bench.write(self.both)
        let messages = try bench.write(FeedBench.frame(.video, at: 1_000, offset: -40))
        #expect(Array(messages[0].payload.readableBytesView.prefix(5)) == [0x17, 1, 0xFF, 0xFF, 0xD8])
    }

    @Test func timesGoOnPastTwentyFourBits() throws {
        var bench = try FeedBench()
        _ = try bench.write(self.both)
        _ = try bench.write(FeedBench.frame(.video, at: 0))
        let messages = try bench.write(FeedBench.frame(.video, at: 0x0100_0005), FeedBench.frame(.video, at: 0x1_0000_0002))
        #expect(messages.map(\.timestamp) == [0x0100_0005, 2], "and wrap at 32 bits, as RTMP does")
    }

    @Test func furtherTracksAreLeftOut() throws {
        let second = TrackID(rawValue: 2)
        var other = TestPublisher.videoTrack
        other.id = second
        var bench = try FeedBench()
        let headers = try bench.write(.tracks([TestPublisher.videoTrack, TestPublisher.audioTrack, other]))
        #expect(headers.count == 3)
        _ = try bench.write(FeedBench.frame(.video, at: 0))
        #expect(try bench.write(FeedBench.frame(second, at: 10, kind: .video)).isEmpty)
    }

    @Test func soundAloneBeginsAtOnce() throws {
        var bench = try FeedBench()
        let headers = try bench.write(.tracks([TestPublisher.audioTrack]))
        #expect(headers.map(\.type) == [.dataAMF0, .audio])
        #expect(try bench.write(FeedBench.frame(.audio, at: 700)).map(\.timestamp) == [0])
    }

    @Test func anAnnouncedPictureThatNeverComesHoldsTheSoundUpForThreeSecondsOnly() throws {
        var bench = try FeedBench()
        _ = try bench.write(self.both)
        for time in stride(from: Int64(0), to: 3_000, by: 20) {
            #expect(try bench.write(FeedBench.frame(.audio, at: time)).isEmpty)
        }
        #expect(try bench.write(FeedBench.frame(.audio, at: 3_000)).map(\.timestamp) == [0])
        let late = try bench.write(FeedBench.frame(.video, at: 4_000, isKeyframe: false), FeedBench.frame(.video, at: 4_040))
        #expect(late.map(\.timestamp) == [1_040], "the picture joins at its keyframe")
    }

    @Test func aChangedConfigurationIsSentAgainAndPicturesWaitForTheirKeyframe() throws {
        var bench = try FeedBench()
        _ = try bench.write(self.both, FeedBench.frame(.video, at: 0))
        var changed = TestPublisher.videoTrack
        changed.configuration[3] = 0x20
        let messages = try bench.write(
            .discontinuity, .tracks([changed, TestPublisher.audioTrack]), FeedBench.frame(.video, at: 40, isKeyframe: false),
            FeedBench.frame(.audio, at: 45), FeedBench.frame(.video, at: 80))
        #expect(messages.map(\.type) == [.dataAMF0, .video, .audio, .audio, .video])
        #expect(messages.map(\.timestamp) == [0, 0, 0, 45, 80])
    }

    @Test func newerCodecsGoByTheirFourCC() throws {
        let hevc = Track(id: .video, codec: .hevc, configuration: [1, 2, 3], format: .video(VideoFormat(width: 64, height: 64)))
        let opus = Track(id: .audio, codec: .opus, configuration: [4, 5], format: .audio(AudioFormat(sampleRate: 48_000, channelCount: 2)))
        #expect(PushFeed.fourCCs([hevc, opus]) == ["hvc1", "Opus"])
        #expect(PushFeed.fourCCs([TestPublisher.videoTrack, TestPublisher.audioTrack]).isEmpty)
        var bench = try FeedBench()
        let headers = try bench.write(.tracks([hevc, opus]))
        #expect(Array(headers[1].payload.readableBytesView) == [0x90] + Array("hvc1".utf8) + [1, 2, 3])
        #expect(Array(headers[2].payload.readableBytesView) == [0x90] + Array("Opus".utf8) + [4, 5])
        let frames = try bench.write(FeedBench.frame(.video, at: 0, offset: 40), FeedBench.frame(.audio, at: 0))
        #expect(Array(frames[0].payload.readableBytesView.prefix(8)) == [0x91] + Array("hvc1".utf8) + [0, 0, 40])
        #expect(Array(frames[1].payload.readableBytesView.prefix(5)) == [0x91] + Array("Opus".utf8))
    }

    @Test func aFrameThatNoMessageCanHoldIsLeftOut() throws {
        var bench = try FeedBench()
        _ = try bench.write(self.both, FeedBench.frame(.video, at: 0))
        #expect(try bench.write(FeedBench.frame(.video, at: 40, size: 1 << 24)).isEmpty)
        #expect(bench.feed.unsendable == 1)
        #expect(try bench.write(FeedBench.frame(.video, at: 80)).map(\.timestamp) == [80])
    }
}
