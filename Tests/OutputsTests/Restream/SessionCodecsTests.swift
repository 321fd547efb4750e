import Media
import NIOCore
import Streams
import TestSupport
import Testing

@testable import Outputs

/// Streams that become something else while they are pushed.
@Suite(.againstHanging) struct SessionCodecsTests {
    private static let hevc = Track(
        id: .video, codec: .hevc, configuration: [1, 2, 3], format: .video(VideoFormat(width: 1280, height: 720, frameRate: 25)))
    private static let opus = Track(
        id: .audio, codec: .opus, configuration: [4, 5], format: .audio(AudioFormat(sampleRate: 48_000, channelCount: 2)))
    private static let mp3 = Track(id: .audio, codec: .mp3, configuration: [], format: .audio(AudioFormat(sampleRate: 44_100, channelCount: 2)))
    private static let (h264, aac) = (TestPublisher.videoTrack, TestPublisher.audioTrack)

    private static let cases: [(before: [Track], after: [Track], fits: Bool)] = [
        ([h264, aac], [h264, aac], true), ([h264, aac], [h264], true), ([h264, aac], [aac], true), ([hevc, opus], [hevc, opus], true),
        // What needs no announcing may join.
        ([h264], [h264, aac], true), ([aac], [h264, aac], true), ([], [h264, mp3], true),
        ([h264], [h264, opus], false), ([aac], [hevc, aac], false), ([], [hevc], false),
        // Another codec in the place of one that is shown is not taken, announced or not.
        ([h264, aac], [hevc, aac], false), ([hevc, aac], [h264, aac], false), ([h264, opus], [h264, aac], false), ([h264, aac], [h264, mp3], false),
    ]

    @Test(arguments: cases)
    func aSessionGoesOnWithWhatItWasOpenedFor(before: [Track], after: [Track], fits: Bool) {
        var codecs = SessionCodecs(before)
        #expect(codecs.take(after) == fits)
        #expect(codecs.isOutdated == !fits)
    }

    @Test func whatJoinedOrWentAwayIsRemembered() {
        var codecs = SessionCodecs([Self.h264])
        #expect(codecs.take([Self.h264, Self.aac]) == true)
        #expect(codecs.take([Self.h264]) == true)
        #expect(codecs.take([Self.h264, Self.mp3]) == false)
        #expect(codecs.take([Self.h264, Self.aac]) == true)
        #expect(!codecs.isOutdated)
    }

    @Test func anEncoderThatComesBackWithAnotherCodecGetsASessionOfItsOwn() async throws {
        let sink = try await RTMPSink.start(.takesAll)
        let directory = StreamDirectory()
        let first = try TestPublisher(directory: directory)
        first.run(5)
        let bench = DestinationBench(sink.url(), stream: first.stream, timing: DestinationBench.timing { $0.grace = .hours(1) })
        _ = try await sink.media(12)
        first.publisher.end(.lost)
        _ = try #require(await bench.changes.first { $0.heldUntilMilliseconds != nil })

        let second = try TestPublisher(directory: directory, tracks: [Self.hevc, TestPublisher.audioTrack])
        second.run(12)
        var isFinished = false
        let media = try #require(
            await sink.next { event -> RTMPSink.Media? in
                switch event {
                case .finished(1): isFinished = true
                case .media(1, let media): Issue.record("the old session was sent \(media.timestamp)")
                case .media(2, let media) where media.isVideo: return media
                default: break
                }
                return nil
            })
        #expect(isFinished, "with a goodbye")
        #expect(Array(media.payload.readableBytesView.dropFirst().prefix(4)) == Array("hvc1".utf8))
        #expect(bench.destination.status.attempts == 0)
        await bench.destination.stop()
        try await sink.stop()
    }
}
