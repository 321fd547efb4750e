import AV
import Foundation
import Logging
import NIOCore
import NIOPosix
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Broadcasts
@testable import Outputs

/// Segments that become a file: how far it is, and what becomes of one that stands still.
@Suite(.againstHanging) struct VodConversionTests {
    private final class Owner {}

    private func kept(_ folder: TestFolder) async throws -> (LiveHLS, KeptHLS) {
        let streams = StreamDirectory()
        let hls = LiveHLS(
            configuration: .init(mode: .always, directory: folder.path("live")), streams: streams, group: MultiThreadedEventLoopGroup.singleton,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        try hls.sweep()
        let source = PublishSource(type: .rtmp, remoteAddress: "", credential: nil, startedAtMilliseconds: 0, stop: { _ in })
        let publisher = try streams.publish(StreamKey("demo"), source: source, now: .now()).get()
        publisher.expect(video: true, audio: false)
        publisher.announce(Frames.video)
        publisher.publish(Frames.picture(at: 0, key: true), now: .now())
        hls.streamBecameLive(StreamKey("demo"))
        var tenth: Int64 = 1
        try await eventually("it is packaged") {
            for _ in 0..<10 {
                publisher.publish(Frames.picture(at: tenth * 100, key: tenth % 10 == 0, bytes: 20_000), now: .now())
                tenth += 1
            }
            return (hls.kept("demo")?.nextNumber ?? 0) >= 4
        }
        let kept = try #require(hls.kept("demo"))
        publisher.end(.finished)
        return (hls, kept)
    }

    @Test func howFarItIsIsToldAllTheWay() async throws {
        let folder = try TestFolder("conversion")
        let (hls, kept) = try await self.kept(folder)
        let progress = JobProgress()
        var seen: Set<Int> = []
        let outcome = VodLibrary.convert(kept, as: folder.path("film.mp4"), in: folder.path("work"), within: .seconds(30), progress) { _ in
            seen.insert(progress.percent)
            return true
        }
        #expect(try outcome.get().bytes > 0)
        #expect(progress.percent == 100)
        #expect(seen.count > 2 && seen.contains { $0 > 0 && $0 < 100 }, "\(seen)")
        await hls.stop()
    }

    @Test func whatStandsStillIsGivenUpAndNothingIsLeftOfIt() async throws {
        let folder = try TestFolder("conversion")
        let (hls, kept) = try await self.kept(folder)
        let progress = JobProgress()
        let outcome = VodLibrary.convert(kept, as: folder.path("film.mp4"), in: folder.path("work"), within: .milliseconds(20), progress) { _ in
            // A disk that does not answer.
            let answered = ContinuousClock.now + .milliseconds(100)
            while ContinuousClock.now < answered {}
            return true
        }
        let failure = #expect(throws: AVFailure.self) { try outcome.get() }
        #expect(failure?.cause == .timedOut)
        #expect(!FileManager.default.fileExists(atPath: folder.path("film.mp4")))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("work")) == [])
        await hls.stop()
    }

    @Test func aSinkTellsOfWhatIsWritten() throws {
        let folder = try TestFolder("sink")
        var bytes: Int64 = 0
        let sink = WatchedSink(try FileSink(path: folder.path("file"), creation: .exclusive)) { bytes += $0 }
        for text in ["abcd", "ef"] { try Array(text.utf8).withUnsafeBytes { try sink.write($0) } }
        try sink.seek(to: 1)
        try Array("X".utf8).withUnsafeBytes { try sink.write($0) }
        #expect(bytes == 7 && sink.length == 6 && sink.position == 2 && sink.isSeekable)
        #expect(FileManager.default.contents(atPath: folder.path("file")) == Data("aXcdef".utf8))
    }
}
