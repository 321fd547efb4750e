import AV
import Foundation
import Media
import NIOCore
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Outputs

@Suite(.againstHanging) struct LadderTests {
    /// 25 pictures a second with B-frames and a keyframe each second.
    private func clip(_ size: String, seconds: Int = 4, audio: [String]? = Clip.aac, in bench: LadderBench) throws -> Clip {
        var clip = try Clip(video: Clip.h264, audio: audio, seconds: seconds, size: size, in: bench.folder)
        // As a publisher's tracks are: with what the bitstream says of its rate.
        clip.tracks = try clip.tracks.map { $0.kind == .video ? try Track(id: .video, codec: .h264, configuration: $0.configuration) : $0 }
        return clip
    }

    /// The mean of the luma of a picture's upper and of its lower half.
    private func halves(_ collector: Collector) throws -> [Int] {
        let track = try #require(collector.tracks.first?.first { $0.kind == .video })
        let bytes = try StillPicture.encode(try #require(collector.pictures.first), of: track, as: .png, height: 2_160)
        let folder = try TestFolder("picture")
        let (picture, raw) = (folder.path + "/picture.png", folder.path + "/picture.gray")
        try Data(bytes).write(to: URL(fileURLWithPath: picture))
        try Tool.output(of: "ffmpeg", ["-v", "error", "-i", picture, "-vf", "scale=1:2:flags=area,format=gray", "-f", "rawvideo", raw])
        return try Data(contentsOf: URL(fileURLWithPath: raw)).map { Int($0) }
    }

    /// How large the decoded pictures are, and how many there are of each size.
    private func decoded(_ collector: Collector) throws -> [String: Int] {
        var sizes: [String: Int] = [:]
        var decoder: Decoder?
        let picture = try DecodedFrame()
        func drain() throws {
            while try decoder?.receive(into: picture) ?? false { sizes["\(picture.width)x\(picture.height)", default: 0] += 1 }
        }
        for item in collector.items {
            switch item {
            case .tracks(let tracks):
                try decoder?.finish()
                try drain()
                decoder = try tracks.first { $0.kind == .video }.map { try Decoder($0) }
            case .frame(let frame) where frame.kind == .video:
                try decoder?.send(try Packet(frame))
                try drain()
            default: break
            }
        }
        try decoder?.finish()
        try drain()
        #expect(decoder?.damaged == 0)
        return sizes
    }

    @Test func eachRenditionHasItsSizeTheSourcesTimesAndItsKeyframes() async throws {
        let bench = try LadderBench()
        let clip = try self.clip("320x180", in: bench)
        let (source, tall, low) = (Collector(bench.source), bench.collector(120), bench.collector(90))
        let publisher = try bench.publisher(clip.tracks)
        let ladder = bench.ladder([.init(height: 90, videoBitrate: 100_000), .init(height: 120, videoBitrate: 200_000), .init(height: 360)])
        #expect(ladder.start(from: .latestGroup))
        await bench.publish(clip.inMilliseconds, to: publisher, after: low)
        #expect(bench.board.renditions(of: "cam").map(\.suffix) == ["120p200kbps", "90p100kbps"])
        #expect(bench.slots.count == 2)
        publisher.end(.finished)
        await bench.waitUntilClosed()

        for (rendition, size) in [(tall, "214x120"), (low, "160x90")] {
            #expect(rendition.times == source.times, "every picture, at its own time")
            #expect(rendition.keyframeTimes == source.keyframeTimes)
            #expect(rendition.keyframeTimes.count == 4)
            #expect(rendition.pictures.allSatisfy { $0.compositionOffset == .zero }, "no B-frames")
            #expect(try self.decoded(rendition) == [size: 100])
            #expect(rendition.tracks.count == 1)
            #expect(rendition.tracks.first?.first?.video?.frameRate == 25)
        }
        #expect(ladder.droppedFrames == 0)
        #expect(bench.board.renditions(of: "cam").isEmpty)
        #expect(bench.slots.count == 0)
        #expect(bench.directory.totals()[.rtmp]?.publishes == 1, "a rendition is no publisher")
    }

    @Test func soundIsPassedOnAsItIsUnlessAnotherBitRateIsAskedFor() async throws {
        let bench = try LadderBench()
        let clip = try self.clip("320x180", in: bench)
        let (source, own, other) = (Collector(bench.source), bench.collector(120), bench.collector(90))
        let publisher = try bench.publisher(clip.tracks)
        #expect(bench.ladder([.init(height: 120), .init(height: 90, audioBitrate: 32_000)]).start(from: .latestGroup))
        await bench.publish(clip.inMilliseconds, to: publisher, after: other)
        publisher.end(.finished)
        await bench.waitUntilClosed()

        // Sound of before the first picture belongs to nothing.
        let first = try #require(source.times.first)
        let expected = source.sounds.filter { $0.decodeTime >= first }
        #expect(own.sounds.map(\.decodeTime) == expected.map(\.decodeTime))
        #expect(own.sounds.map(\.payload) == expected.map(\.payload))
        #expect(own.tracks.first?.last == source.tracks.first?.last)

        let (ownBytes, otherBytes) = (
            own.sounds.reduce(0) { $0 + $1.payload.readableBytes }, other.sounds.reduce(0) { $0 + $1.payload.readableBytes }
        )
        #expect(otherBytes < ownBytes * 3 / 4, "\(otherBytes) of \(ownBytes) bytes")
        let (begin, end) = (try #require(other.sounds.first?.decodeTime), try #require(other.sounds.last?.decodeTime))
        #expect(abs((begin - first).seconds) < 0.05 && abs((end - (expected.last?.decodeTime ?? .zero)).seconds) < 0.1)
        // Whoever joins at a keyframe gets the sound of its time: it comes after what is before it.
        for collector in [own, other] {
            var newest = MediaTime.zero
            for frame in collector.frames {
                if frame.kind == .video { newest = frame.decodeTime } else { #expect(frame.decodeTime >= newest - MediaTime(milliseconds: 100)) }
            }
        }
    }

    /// As a telephone makes them that is held upright: they lie on their side, and a container says so.
    @Test func renditionsOfTurnedPicturesAreUpright() async throws {
        let bench = try LadderBench()
        let filters = ("color=white:s=320x180:r=25:d=2,drawbox=x=160:y=0:w=160:h=180:color=black:t=fill", "")
        var clip = try Clip(filters: filters, video: Clip.h264, audio: nil, in: bench.folder)
        clip.tracks = try clip.tracks.map { try Track(id: .video, codec: .h264, configuration: $0.configuration).turned(.quarter) }
        let (tall, low, same, larger) = (bench.collector(200), bench.collector(90), bench.collector(320), bench.collector(400))
        let publisher = try bench.publisher(clip.tracks)
        let settings = [RenditionSetting(height: 400), .init(height: 320, encodesSameHeight: true), .init(height: 200), .init(height: 90)]
        #expect(bench.ladder(settings).start(from: .latestGroup))
        await bench.publish(clip.inMilliseconds, to: publisher, after: low)
        #expect(bench.board.renditions(of: "cam").map { "\($0.width)x\($0.height)" } == ["180x320", "112x200", "50x90"])
        publisher.end(.finished)
        await bench.waitUntilClosed()
        for (rendition, width, height) in [(same, 180, 320), (tall, 112, 200), (low, 50, 90)] {
            #expect(try self.decoded(rendition) == ["\(width)x\(height)": 50])
            let video = try #require(rendition.tracks.first?.first?.video)
            #expect(video.turn == PictureTurn.none && video.width == width && video.height == height)
            let halves = try self.halves(rendition)
            #expect(halves[0] > 200 && halves[1] < 50, "what was to the left is above: \(halves)")
        }
        #expect(larger.pictures.isEmpty, "nothing is enlarged: upright they are 320 high")
    }

    /// The same stream goes on with pictures that lie otherwise.
    @Test func anotherTurnOfTheSamePicturesIsFollowed() async throws {
        let bench = try LadderBench()
        let filters = ("color=white:s=320x180:r=25:d=2,drawbox=x=160:y=0:w=160:h=180:color=black:t=fill", "")
        let clip = try Clip(filters: filters, video: Clip.h264, audio: nil, in: bench.folder)
        let track = try Track(id: .video, codec: .h264, configuration: clip.tracks[0].configuration)
        let low = bench.collector(90)
        let publisher = try bench.publisher([track])
        #expect(bench.ladder([.init(height: 90)]).start(from: .latestGroup))
        await bench.publish(clip.inMilliseconds, to: publisher, after: low)
        publisher.announce([track.turned(.threeQuarters)])
        await bench.publish(clip.frames(after: MediaTime(milliseconds: 2_000)), to: publisher, after: low)
        publisher.end(.finished)
        await bench.waitUntilClosed()
        #expect(try self.decoded(low) == ["160x90": 50, "50x90": 50])
        #expect(low.tracks.count == 2)
    }

    @Test func picturesOfAnotherSizeMakeOtherRenditions() async throws {
        let bench = try LadderBench()
        let (wide, small) = (try self.clip("320x180", seconds: 2, in: bench), try self.clip("144x108", seconds: 2, in: bench))
        let (tall, low) = (bench.collector(120), bench.collector(90))
        let publisher = try bench.publisher(wide.tracks)
        #expect(bench.ladder([.init(height: 120), .init(height: 90)]).start(from: .latestGroup))
        await bench.publish(wide.inMilliseconds, to: publisher, after: low)
        publisher.announce(small.tracks)
        await bench.publish(small.frames(after: MediaTime(milliseconds: 2_000)), to: publisher, after: low)
        publisher.end(.finished)
        await bench.waitUntilClosed()

        #expect(try self.decoded(tall) == ["214x120": 50])
        #expect(try self.decoded(low) == ["160x90": 50, "120x90": 50])
        #expect(low.tracks.count == 2)
        #expect(low.times.count == 100)
        #expect(zip(low.times, low.times.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test func afterATakeoverTheSameRenditionGoesOnWithADiscontinuity() async throws {
        let bench = try LadderBench()
        let clip = try self.clip("320x180", seconds: 2, in: bench)
        let (source, low) = (Collector(bench.source), bench.collector(90))
        let first = try bench.publisher(clip.tracks, credential: "same")
        #expect(bench.ladder([.init(height: 90)]).start(from: .latestGroup))
        await bench.publish(clip.inMilliseconds, to: first, after: low)
        let second = try bench.publisher(clip.tracks, credential: "same")
        // The hub puts its times behind those of the first.
        let seam = try #require(clip.inMilliseconds.last?.decodeTime)
        await bench.publish(clip.inMilliseconds, to: second, after: low, shift: seam)
        second.end(.finished)
        await bench.waitUntilClosed()

        #expect(low.times == source.times)
        #expect(low.keyframeTimes == source.keyframeTimes)
        let marks = low.items.compactMap { item in
            switch item {
            case .discontinuity: "discontinuity"
            case .ended: "ended"
            case .tracks: "tracks"
            case .frame: nil
            }
        }
        #expect(marks == ["tracks", "discontinuity", "tracks", "ended"])
    }

    @Test func whatTheMachineHasNoTimeForIsLeftOutBeforeEncoding() async throws {
        let bench = try LadderBench()
        let clip = try self.clip("320x180", seconds: 8, in: bench)
        let (source, low) = (Collector(bench.source), bench.collector(90))
        let publisher = try bench.publisher(clip.tracks)
        // All of it is there at once: the first pictures are eight seconds late, and only the last second is not.
        for frame in clip.inMilliseconds where frame.decodeTime < MediaTime(milliseconds: 40) { publisher.publish(frame, now: .now()) }
        let ladder = bench.ladder([.init(height: 90)])
        #expect(ladder.start(from: .latestGroup))
        for frame in clip.inMilliseconds where frame.decodeTime >= MediaTime(milliseconds: 40) { publisher.publish(frame, now: .now()) }
        publisher.end(.finished)
        await bench.waitUntilClosed()

        #expect(source.times.count == 200, "the source has everything")
        #expect(ladder.droppedFrames > 0)
        #expect(bench.slots.droppedFrames.load(ordering: .relaxed) == UInt64(ladder.droppedFrames))
        #expect(low.times.count < 200)
        #expect(Set(low.keyframeTimes).isSubset(of: Set(source.keyframeTimes)))
    }

    /// The numbers say whether the rendition of 120 and that of 90 lines are watched.
    @Test(arguments: [(false, false, 120), (true, true, 120), (true, false, 90), (false, true, 120)])
    func tooManySecondsWithLossesCostTheRenditionThatIsWorthLeast(tallIsWatched: Bool, lowIsWatched: Bool, shed: Int) async throws {
        let bench = try LadderBench()
        let kept = shed == 120 ? 90 : 120
        let clip = try self.clip("320x180", seconds: 12, audio: nil, in: bench)
        let viewers = [(120, tallIsWatched), (90, lowIsWatched)].filter(\.1).reduce(into: [Int: Collector]()) { $0[$1.0] = bench.collector($1.0) }
        let streams = [120, 90].reduce(into: [Int: Streams.Stream]()) { $0[$1] = bench.directory.open(StreamKey("cam", renditionHeight: $1)) }
        let published = WakeSignal()
        // What there was when it was told: who is live, what is listed, how many encoders there are.
        let atShedding = Noted<[(live: [Int], listed: [Int], encoders: Int)]>([])
        bench.duringEvents.change { duringEvents in
            duringEvents = { [board = bench.board, slots = bench.slots] event in
                switch event {
                // All pictures are there before the second is encoded: each one's lag is then known, whatever the machine.
                case .started(let rendition) where rendition.height == 120: published.wait(until: WakeSignal.now() + 120_000_000_000)
                case .shed:
                    let live = streams.filter(\.value.isLive).keys.sorted()
                    let listed = board.renditions(of: "cam").map(\.height)
                    atShedding.change { $0.append((live, listed, slots.count)) }
                default: break
                }
            }
        }
        let publisher = try bench.publisher(clip.tracks)
        let ladder = bench.ladder([.init(height: 120), .init(height: 90)], queue: .init(bytes: 1 << 30, duration: MediaTime(milliseconds: 60_000)))
        #expect(ladder.start(from: .latestGroup))
        for frame in clip.inMilliseconds { publisher.publish(frame, now: .now()) }
        published.signal()
        let start = try #require(clip.inMilliseconds.first?.presentationTime)
        let late = start + MediaTime(milliseconds: 11_000)
        try await eventually("the rest is encoded") { (streams[kept]?.newestTime ?? .zero) >= late }

        // Five bad seconds cost one; five more cost nothing, for it is the last.
        #expect(bench.events.value.count { if case .shed = $0 { true } else { false } } == 1)
        #expect(bench.events.value.contains(.shed(height: shed)))
        let then = try #require(atShedding.value.first)
        #expect(!then.live.contains(shed))
        #expect(then.listed == [kept])
        #expect(then.encoders == 1)
        #expect(streams[kept]?.isLive == true && streams[shed]?.isLive == false)
        #expect((200..<300).contains(ladder.droppedFrames), "\(ladder.droppedFrames) of 300")
        publisher.end(.finished)
        await bench.waitUntilClosed()
        #expect(bench.slots.count == 0)
        if let viewer = viewers[shed] {
            #expect(viewer.items.last.map { if case .ended = $0 { true } else { false } } == true)
            #expect(try #require(viewer.times.last) - start < MediaTime(milliseconds: 5_000))
        }
        if let viewer = viewers[kept] {
            #expect(viewer.times.count { $0 > late } >= 20, "what is in time is encoded again")
        }
    }

    @Test func thereIsAnEventForWhatCannotBeMade() async throws {
        let bench = try LadderBench(slots: 1)
        let clip = try self.clip("320x180", seconds: 1, audio: nil, in: bench)
        let tall = bench.collector(120)
        let publisher = try bench.publisher(clip.tracks)
        #expect(bench.ladder([.init(height: 120), .init(height: 90)]).start(from: .latestGroup))
        for frame in clip.inMilliseconds { publisher.publish(frame, now: .now()) }
        publisher.end(.finished)
        await bench.waitUntilClosed()
        #expect(tall.times.count == 25)
        #expect(bench.events.value.count == 2)
        guard case .started(let rendition)? = bench.events.value.first, case .notStarted(let height, _)? = bench.events.value.last else {
            Issue.record("\(bench.events.value)")
            return
        }
        #expect(rendition.height == 120 && height == 90)
        #expect(bench.found.value == [true], "whoever hears of it looks for it at once: an endpoint of its height, a playlist")
        #expect(bench.slots.count == 0)
    }

    @Test func otherSettingsTakeEffectWhileLiveAndLeaveAloneWhatStays() async throws {
        let bench = try LadderBench()
        let clip = try self.clip("320x180", seconds: 6, in: bench)
        let (source, low, tall) = (Collector(bench.source), bench.collector(90), bench.collector(120))
        let publisher = try bench.publisher(clip.tracks)
        let ladder = bench.ladder([.init(height: 90)])
        #expect(ladder.start(from: .latestGroup))
        let frames = clip.inMilliseconds
        await bench.publish(frames.filter { $0.decodeTime < MediaTime(milliseconds: 2_500) }, to: publisher, after: low)
        #expect(ladder.change(to: [.init(height: 90), .init(height: 120)]))
        await bench.publish(frames.filter { $0.decodeTime >= MediaTime(milliseconds: 2_500) }, to: publisher, after: low)
        ladder.stop()
        await bench.waitUntilClosed()
        #expect(low.tracks.count == 1)
        #expect(tall.keyframeTimes.first.map { source.keyframeTimes.contains($0) } == true)
        #expect(try #require(tall.times.first) > MediaTime(milliseconds: 2_000))
        // Stopped in the middle of a group, the last pictures lack those between them.
        let whole = low.times.dropLast(4)
        #expect(Array(whole) == Array(source.times.prefix(whole.count)))
    }
}
