import Media
import NIOCore
import RTMP
import Streams
import TestSupport
import Testing

@testable import Gateways

@Suite struct RTMPIngestTests {
    let streams = StreamDirectory()

    func publisher() throws -> Publisher {
        let source = PublishSource(type: .rtmp, remoteAddress: "", startedAtMilliseconds: 0) { _ in }
        return try self.streams.publish(StreamKey("x"), source: source, now: .now()).get()
    }

    func frames(_ reader: StreamReader) -> [EncodedFrame] {
        var frames: [EncodedFrame] = []
        while let item = reader.next() { if case .frame(let frame) = item { frames.append(frame) } }
        return frames
    }

    func video(_ bytes: [UInt8]) -> ByteBuffer { ByteBuffer(bytes: bytes) }

    @Test func framesBeforeTheirConfigurationAreSkippedAndSaidOnce() throws {
        var ingest = RTMPIngest(publisher: try self.publisher())
        for _ in 0..<3 { ingest.receivedVideo(self.video([0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65]), timestamp: 0, now: .now()) }
        #expect(ingest.takeProblem() == .frameBeforeConfiguration(.h264))
        #expect(ingest.takeProblem() == nil)
    }

    @Test func brokenConfigurationsDoNotEndThePublish() throws {
        let publisher = try self.publisher()
        var ingest = RTMPIngest(publisher: publisher)
        ingest.receivedVideo(self.video([0x17, 0, 0, 0, 0, 1, 0x64]), timestamp: 0, now: .now())
        #expect(ingest.takeProblem() == .badConfiguration(.h264))
        ingest.receivedVideo(self.video([0x17, 0, 0, 0, 0] + Frames.video.configuration), timestamp: 0, now: .now())
        #expect(publisher.stream.tracks.count == 1)
        #expect(publisher.stream.tracks.first?.video?.height == 720)
    }

    @Test func shortLengthPrefixesAreRewritten() throws {
        let publisher = try self.publisher()
        publisher.expect(video: true, audio: false)
        let reader = publisher.stream.attach {}
        var ingest = RTMPIngest(publisher: publisher)
        var record = Frames.video.configuration
        record[4] = 0xfd  // two-byte lengths
        ingest.receivedVideo(self.video([0x17, 0, 0, 0, 0] + record), timestamp: 0, now: .now())
        ingest.receivedVideo(self.video([0x17, 1, 0, 0, 0, 0, 2, 0x65, 0xaa]), timestamp: 0, now: .now())
        #expect(self.frames(reader).map { Array(buffer: $0.payload) } == [[0, 0, 0, 2, 0x65, 0xaa]])
        #expect(publisher.stream.tracks.first?.configuration[4] == 0xff)
    }

    @Test func compositionTimeIsSignedAndTimesAreMilliseconds() throws {
        let publisher = try self.publisher()
        publisher.expect(video: true, audio: false)
        let reader = publisher.stream.attach {}
        var ingest = RTMPIngest(publisher: publisher)
        ingest.receivedVideo(self.video([0x17, 0, 0, 0, 0] + Frames.video.configuration), timestamp: 0, now: .now())
        ingest.receivedVideo(self.video([0x17, 1, 0, 0, 80, 0, 0, 0, 1, 0x65]), timestamp: 1_000, now: .now())
        ingest.receivedVideo(self.video([0x27, 1, 0, 0, 40, 0, 0, 0, 1, 0x41]), timestamp: 1_040, now: .now())
        #expect(self.frames(reader).map(\.presentationTime.milliseconds) == [80, 80])
    }

    @Test func unknownFormatsAreSkippedAndTheListOfThemIsBounded() throws {
        var ingest = RTMPIngest(publisher: try self.publisher())
        var told = 0
        for format in 0..<16 {
            for other in 0..<16 {
                ingest.receivedAudio(ByteBuffer(bytes: [UInt8(format << 4 | other), UInt8(other), 1, 2, 3]), timestamp: 0, now: .now())
                if ingest.takeProblem() != nil { told += 1 }
                ingest.receivedVideo(ByteBuffer(bytes: [UInt8(0x10 | other), UInt8(format), 1, 2, 3, 4, 5]), timestamp: 0, now: .now())
                if ingest.takeProblem() != nil { told += 1 }
            }
        }
        #expect(told > 3 && told <= 16)
    }

    @Test func smallPayloadsDoNotKeepLargeReadsAlive() throws {
        let publisher = try self.publisher()
        publisher.expect(video: false, audio: true)
        let reader = publisher.stream.attach {}
        var ingest = RTMPIngest(publisher: publisher)
        ingest.receivedAudio(ByteBuffer(bytes: [0xaf, 0] + Frames.audio.configuration), timestamp: 0, now: .now())
        var read = ByteBuffer(repeating: 0, count: 1 << 20)
        read.setBytes([0xaf, 1], at: 0)
        ingest.receivedAudio(read.getSlice(at: 0, length: 300)!, timestamp: 20, now: .now())
        let frame = try #require(self.frames(reader).first)
        #expect(frame.payload.readableBytes == 298)
        #expect(frame.payload.storageCapacity <= 64 << 10)
    }

    @Test func onlyTheFirstTrackOfAMultitrackPublishIsTaken() throws {
        let publisher = try self.publisher()
        publisher.expect(video: true, audio: false)
        var ingest = RTMPIngest(publisher: publisher)
        // Enhanced RTMP v2: multitrack, many tracks of one codec: SequenceStart for tracks 0 and 1.
        let record = Frames.video.configuration
        let size = [UInt8(0), UInt8(record.count >> 8), UInt8(record.count & 0xff)]
        let body: [UInt8] = [0x96, 0x10] + Array("avc1".utf8) + [0] + size + record + [1] + size + record
        ingest.receivedVideo(self.video(body), timestamp: 0, now: .now())
        #expect(publisher.stream.tracks.map(\.id) == [.video])
    }
}
