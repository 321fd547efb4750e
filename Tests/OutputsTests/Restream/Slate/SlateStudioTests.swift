import AV
import Logging
import Media
import NIOCore
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Outputs

@Suite(.againstHanging) struct SlateStudioTests {
    private static func form(_ width: Int, rate: Int = 25) throws -> SlateForm {
        let track = Track(id: .video, codec: .h264, configuration: [], format: .video(VideoFormat(width: width, height: 180)))
        return try SlateForm(track, frameRate: rate)
    }

    /// What it is in the end.
    private func settled(_ studio: SlateStudio, _ form: SlateForm, now: NIODeadline = .now()) async throws -> SlateStudio.Answer {
        var answer = studio.slate(form, now: now)
        try await eventually("it is encoded") {
            answer = studio.slate(form, now: now)
            if case .underway = answer { return false }
            return true
        }
        return answer
    }

    @Test func aFormIsEncodedOnceForAllWhoWantIt() async throws {
        let folder = try TestFolder("slate")
        let path = folder.path("slate.png")
        _ = try Tool.output(of: "ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "color=red:s=64x36", "-frames:v", "1", path])
        let studio = SlateStudio(path: path, logger: Logger(label: "test"))
        let form = try Self.form(320)
        for _ in 0..<100 { _ = studio.slate(form, now: .now()) }
        guard case .ready(let loop) = try await self.settled(studio, form) else { throw CancellationError() }
        #expect(loop.frames.count == 50 && loop.track.video?.width == 320)
        #expect(studio.totals.encodings == 1 && studio.totals.failures == 0 && studio.totals.bytes == loop.bytes)
        _ = try await self.settled(studio, try Self.form(160))
        #expect(studio.totals.encodings == 2)
    }

    /// A real slate in a session: parameter sets go with its first keyframe, and the stream's with the stream's.
    @Test func eachChangeOfPicturesBringsTheParameterSetsInBand() throws {
        let folder = try TestFolder("slate")
        let path = folder.path("slate.png")
        _ = try Tool.output(of: "ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "color=red:s=64x36", "-frames:v", "1", path])
        func loop(_ width: Int) throws -> PictureLoop {
            try LoopEncoder.encode(
                path: path, as: try Self.form(width).encoding(isStill: true), longest: MediaTime(milliseconds: 60_000), mostBytes: 1 << 20)
        }
        let (slate, stream) = (try loop(320), try loop(640))
        var bench = SwitchBench()
        func source(_ bench: inout SwitchBench, _ number: Int, at milliseconds: Int64) {
            bench.source(
                .frame(
                    EncodedFrame(
                        track: .video, kind: .video, isKeyframe: stream.frames[number].isKeyframe, decodeTime: MediaTime(milliseconds: milliseconds),
                        payload: stream.frames[number].payload)))
        }
        bench.feed.connectionBegan(now: bench.now)
        bench.source(.tracks([stream.track]))
        source(&bench, 0, at: 0)
        bench.source(.ended)
        try bench.wait(.milliseconds(5_500), loop: slate)
        bench.source(.tracks([stream.track]))
        source(&bench, 0, at: 40)
        source(&bench, 1, at: 80)
        var tracks = [Track]()
        var found: [(width: Int, sets: [[UInt8]])] = []
        for item in bench.items {
            switch item {
            case .tracks(let told): tracks = told
            case .frame(let frame) where frame.isKeyframe:
                found.append((try #require(tracks.first?.video?.width), try NALAccessUnit(frame.payload, codec: .h264).parameterSets))
            default: break
            }
        }
        func sets(_ loop: PictureLoop) throws -> [[UInt8]] {
            let record = try AVCConfiguration(record: loop.track.configuration)
            return record.sequenceParameterSets + record.pictureParameterSets
        }
        #expect(found.map(\.width) == [640, 320, 320, 320, 640])
        #expect(found.map(\.sets) == [[], try sets(slate), [], [], try sets(stream)])
    }

    @Test func whatIsKeptIsBoundedAndTheNewestStays() async throws {
        let made = Mutex<[Int]>([])
        let studio = SlateStudio(path: "a.png", logger: Logger(label: "test"), memory: 2_500) { form throws(AVFailure) in
            made.withLock { $0.append(form.width) }
            return PictureLoop(
                track: SwitchBench.loop.track, frameRate: 25, frames: [.init(payload: ByteBuffer(repeating: 0, count: 1_000), isKeyframe: true)])
        }
        for width in [100, 200, 100, 300, 100, 200] { _ = try await self.settled(studio, try Self.form(width)) }
        #expect(made.withLock { $0 } == [100, 200, 300, 200], "what was used longest ago is made again")
        #expect(studio.totals.bytes == 2_000)
    }

    @Test func whatFailedIsTriedAgainAfterAWhile() async throws {
        let tries = Mutex(0)
        let studio = SlateStudio(path: "a.png", logger: Logger(label: "test"), memory: 1 << 20) { _ throws(AVFailure) in
            tries.withLock { $0 += 1 }
            throw AVFailure(cause: .invalidData, operation: "read pictures", text: "broken")
        }
        let form = try Self.form(320)
        guard case .failed(let reason) = try await self.settled(studio, form) else { throw CancellationError() }
        #expect(reason.contains("broken"))
        _ = studio.slate(form, now: .now())
        #expect(tries.withLock { $0 } == 1)
        guard case .underway = studio.slate(form, now: .now() + .seconds(90)) else { throw CancellationError() }
        _ = try await self.settled(studio, form)
        #expect(tries.withLock { $0 } == 2)
    }

    @Test func onlyFormsThatCanBeMadeAreTried() throws {
        func refusal(_ codec: Codec, _ width: Int, _ height: Int) -> SlateForm.Obstacle? {
            do throws(SlateForm.Obstacle) {
                _ = try SlateForm(
                    Track(id: .video, codec: codec, configuration: [], format: .video(.init(width: width, height: height))), frameRate: 25)
                return nil
            } catch {
                return error
            }
        }
        #expect(refusal(.hevc, 640, 360) == .codec(.hevc))
        #expect("\(SlateForm.Obstacle.codec(.av1))".contains("av1"))
        #expect(refusal(.h264, 0, 0) == .size(width: 0, height: 0))
        #expect(refusal(.h264, 10_000, 360) == .size(width: 10_000, height: 360))
        #expect(refusal(.h264, 641, 361) == nil)
        #expect(refusal(.h264, 2_160, 3_840) == nil && refusal(.h264, 4_096, 2_304) == nil)
        #expect(refusal(.h264, 4_096, 4_096) == .size(width: 4_096, height: 4_096), "an encoder of it would hold gigabytes")
        let odd = try Self.form(641, rate: 240)
        #expect(odd.width == 640 && odd.frameRate == 60)
        #expect(Set(try [29, 30, 31].map { try Self.form(640, rate: $0) }).count == 1, "what was measured varies")
        #expect(try [-5, 1, 23, 25, 48, 59].map { try Self.form(640, rate: $0).frameRate } == [10, 10, 24, 25, 50, 60])
        #expect(odd.bitrate(isStill: true) < odd.bitrate(isStill: false))
    }
}
