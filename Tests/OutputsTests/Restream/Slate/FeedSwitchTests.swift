import AV
import Media
import NIOCore
import Streams
import Testing

@testable import Outputs

/// What a destination is sent while its stream comes and goes.
@Suite struct FeedSwitchTests {
    @Test func aStreamThatIsThereIsSentAsItIs() {
        var bench = SwitchBench()
        bench.feed.connectionBegan(now: bench.now)
        bench.source(.tracks([SwitchBench.video, SwitchBench.audio]))
        bench.run(3, from: 7_000)
        #expect(bench.feed.feeding == .source)
        #expect(
            bench.sent() == [
                .tracks([.h264, .aac], isSlate: false), .picture(1, 7_000, isKeyframe: true), .sound(1, 7_005), .picture(1, 7_040, isKeyframe: false),
                .sound(1, 7_045), .picture(1, 7_080, isKeyframe: false), .sound(1, 7_085),
            ])
    }

    @Test func theSlateBeginsAfterTheTimeSetAndNotBefore() throws {
        var bench = SwitchBench()
        bench.begin()
        let last = bench.now - .milliseconds(40)
        bench.source(.ended)
        #expect(bench.feed.feeding == .held)
        #expect(bench.feed.deadline(now: bench.now) == last + .seconds(2))
        try bench.wait(.milliseconds(1_959))
        #expect(bench.sent() == [.ended])
        #expect(bench.feed.feeding == .held)
        try bench.wait(.milliseconds(1))
        #expect(bench.feed.feeding == .slate)
        #expect(bench.sent().first == .tracks([.h264, .aac], isSlate: true))
    }

    @Test func theSlateFollowsRightBehindAndMakesUpForWhatWasMissed() throws {
        var bench = SwitchBench()
        bench.begin()
        bench.source(.ended)
        try bench.wait(.seconds(2))
        let sent = bench.sent()
        let pictures = sent.times(pictures: true)
        #expect(pictures.first == 7_993)
        #expect(sent.contains(.picture(SwitchBench.slate, 7_993, isKeyframe: true)))
        #expect(pictures.count == 2_040 / 40 + 1, "what would have been shown since the last picture, at once")
        try sent.requireContinuous(longestGap: 41, after: 7_960, pictures: true)
        try sent.requireContinuous(longestGap: 22, after: 7_965, pictures: false)
    }

    @Test func theSlateGoesOnInRealTimeWithAKeyframeEveryTwoSeconds() throws {
        var bench = SwitchBench()
        bench.begin()
        bench.source(.ended)
        try bench.wait(.seconds(600))
        let sent = bench.sent()
        try sent.requireContinuous(longestGap: 41, after: 7_960, pictures: true)
        try sent.requireContinuous(longestGap: 22, after: 7_965, pictures: false)
        let length = try #require(sent.times(pictures: true).last) - 7_993
        #expect(abs(length - 600_040) <= 40)
        let keyframes = sent.compactMap { if case .picture(_, let time, true) = $0 { time } else { nil } }
        #expect(keyframes.count == 301)
        #expect(zip(keyframes, keyframes.dropFirst()).allSatisfy { $1 - $0 == 2_000 })
    }

    @Test func theStreamIsBackAtItsNextKeyframeRightBehindTheSlate() throws {
        var bench = SwitchBench()
        bench.begin()
        bench.source(.ended)
        try bench.wait(.seconds(10))
        let before = bench.sent()
        let last = (try #require(before.times(pictures: true).last), try #require(before.times(pictures: false).last))

        bench.source(.discontinuity)
        bench.source(.tracks([SwitchBench.video, SwitchBench.audio]))
        bench.run(5, from: 7_993, firstIsKeyframe: false)
        try bench.wait(.milliseconds(1))
        let between = bench.sent()
        #expect(!between.contains { if case .tracks = $0 { true } else { false } })
        #expect(between.times(pictures: true, of: SwitchBench.source) == [], "nothing that needs pictures that were not sent")
        #expect(between.times(pictures: true, of: SwitchBench.slate).count >= 4, "the slate goes on until then")
        #expect(bench.feed.feeding == .slate)

        bench.run(25, from: 8_193)
        let after = bench.sent()
        #expect(bench.feed.feeding == .source)
        let tracks = try #require(after.firstIndex(of: .tracks([.h264, .aac], isSlate: false)))
        let first = try #require(after.firstIndex { if case .picture(SwitchBench.source, _, true) = $0 { true } else { false } })
        #expect(tracks < first)
        #expect(after.times(pictures: true, of: SwitchBench.slate) == [])
        try (between + after).requireContinuous(longestGap: 41, after: last.0, pictures: true)
        try (between + after).requireContinuous(longestGap: 70, after: last.1, pictures: false)
    }

    @Test func aStreamThatIsBackWithSoundAloneIsNotWaitedForLong() throws {
        var bench = SwitchBench()
        bench.begin()
        bench.source(.ended)
        try bench.wait(.seconds(10))
        bench.source(.tracks([SwitchBench.video, SwitchBench.audio]))
        func sound(_ range: Range<Int64>) throws {
            for number in range {
                bench.source(SwitchBench.sound(SwitchBench.source, 10_000 + number * 20))
                try bench.wait(.milliseconds(20))
            }
        }
        try sound(0..<150)
        let before = bench.sent()
        #expect(bench.feed.feeding == .slate)
        #expect(before.times(pictures: false, of: SwitchBench.source) == [])
        try sound(150..<200)
        let after = bench.sent()
        #expect(bench.feed.feeding == .source)
        #expect(after.times(pictures: false, of: SwitchBench.source).count >= 48)
        #expect(after.contains(.discontinuity), "pictures that come yet wait for a keyframe")
        try (before + after).requireContinuous(longestGap: 60, pictures: false)
    }

    @Test func pictureByPictureItIsWaitedForAKeyframe() throws {
        var bench = SwitchBench()
        bench.begin()
        bench.source(.ended)
        try bench.wait(.seconds(10))
        bench.source(.tracks([SwitchBench.video, SwitchBench.audio]))
        for number in Int64(0)..<100 {
            bench.source(SwitchBench.picture(SwitchBench.source, number * 40, isKeyframe: false))
            bench.source(SwitchBench.sound(SwitchBench.source, number * 40 + 5))
            try bench.wait(.milliseconds(40))
        }
        #expect(bench.feed.feeding == .slate)
    }

    /// Whether it is connected or not, and however often somebody comes and goes without a frame.
    @Test(arguments: [0, 1, 4]) func theSlateEndsAtTheLimit(ends: Int) throws {
        var bench = SwitchBench(limit: .seconds(10))
        bench.begin()
        if ends > 0 { bench.source(.ended) }
        let quiet = bench.now
        try bench.wait(.seconds(5))
        for _ in 1..<max(ends, 2) where ends > 1 { bench.source(.ended) }
        #expect(bench.feed.feeding == .slate)
        bench.now = quiet + .seconds(10)
        bench.feed.advance(now: bench.now, loop: SwitchBench.loop, into: &bench.items)
        #expect(bench.feed.feeding == .held)
        #expect(bench.feed.deadline(now: bench.now) == nil)
        bench.items = []
        bench.source(.tracks([SwitchBench.video, SwitchBench.audio]))
        bench.run(2, from: 20_000, firstIsKeyframe: false)
        #expect(bench.sent() == [])
        bench.run(5, from: 20_080)
        #expect(bench.feed.feeding == .source)
        let back = bench.sent()
        #expect(back.contains(.tracks([.h264, .aac], isSlate: false)))
        #expect(back.times(pictures: true, of: SwitchBench.source).count == 5)
    }

    @Test func aStreamThatIsBackBeforeTheSlateGoesOnAsIfNothingHadBeen() throws {
        var bench = SwitchBench()
        bench.begin()
        bench.source(.ended)
        try bench.wait(.milliseconds(1_900))
        bench.source(.discontinuity)
        bench.source(.tracks([SwitchBench.video, SwitchBench.audio]))
        bench.run(2, from: 7_998)
        #expect(bench.feed.feeding == .source)
        #expect(
            bench.sent() == [
                .ended, .discontinuity, .tracks([.h264, .aac], isSlate: false), .picture(1, 7_998, isKeyframe: true), .sound(1, 8_003),
                .picture(1, 8_038, isKeyframe: false), .sound(1, 8_043),
            ])
    }

    /// Whichever of the two is looked at first.
    @Test(arguments: [true, false]) func aStreamThatIsBackInTheSameInstantLeavesNothingBehind(slateFirst: Bool) throws {
        var bench = SwitchBench()
        bench.begin()
        bench.source(.ended)
        bench.pass(.milliseconds(1_960))
        func advance(_ bench: inout SwitchBench) { bench.feed.advance(now: bench.now, loop: SwitchBench.loop, into: &bench.items) }
        if slateFirst { advance(&bench) }
        bench.source(.tracks([SwitchBench.video, SwitchBench.audio]))
        bench.source(SwitchBench.picture(1, 7_993, isKeyframe: true))
        if !slateFirst { advance(&bench) }
        let sent = bench.sent()
        #expect(bench.feed.feeding == .source)
        #expect(sent.times(pictures: true, of: SwitchBench.slate).isEmpty == !slateFirst)
        try sent.requireContinuous(longestGap: 41, after: 7_960, pictures: true)
        #expect(sent.last == .picture(1, try #require(sent.times(pictures: true).last), isKeyframe: true))
    }

    @Test func aPublisherThatIsSilentIsAwayToo() throws {
        var bench = SwitchBench()
        bench.begin()
        try bench.wait(.seconds(3))
        #expect(bench.feed.feeding == .slate)
        let during = bench.sent()
        try during.requireContinuous(longestGap: 41, after: 7_960, pictures: true)
        bench.run(25, from: 11_000)
        #expect(bench.feed.feeding == .source)
        try bench.sent().requireContinuous(longestGap: 41, after: during.times(pictures: true).last, pictures: true)
    }

    @Test func withoutAnythingThatCouldStandInNothingIsSent() throws {
        var bench = SwitchBench()
        bench.begin()
        bench.source(.ended)
        try bench.wait(.seconds(20), loop: nil)
        #expect(bench.sent() == [.ended])
        #expect(bench.feed.feeding == .held)
        bench.source(.tracks([SwitchBench.video, SwitchBench.audio]))
        bench.run(1, from: 8_100)
        #expect(bench.sent().times(pictures: true) == [8_100])
    }

    @Test func aSilentStreamForWhichNothingStandsInGoesOnWhereItLeftOff() throws {
        var bench = SwitchBench()
        bench.begin()
        try bench.wait(.seconds(4), loop: nil)
        #expect(bench.feed.feeding == .held)
        bench.run(2, from: 12_000, firstIsKeyframe: false)
        #expect(bench.sent().times(pictures: true) == [12_000, 12_040], "what comes follows from what was sent")
    }

    @Test func aSlateThatIsReadyLateBeginsThen() throws {
        var bench = SwitchBench()
        bench.begin()
        bench.source(.ended)
        try bench.wait(.seconds(30), loop: nil)
        bench.items = []
        try bench.wait(.milliseconds(200))
        let pictures = bench.sent().times(pictures: true)
        #expect(pictures.first == 7_993)
        #expect((5_000 / 40...5_300 / 40).contains(pictures.count), "a minute of it at once would help nobody: \(pictures.count)")
    }

    @Test func picturesWithLaterTimesThanTheirOrderAreNotOvertaken() throws {
        var bench = SwitchBench()
        bench.begin()
        bench.source(SwitchBench.picture(1, 8_000, isKeyframe: false, offset: 120))
        bench.source(.ended)
        bench.items = []
        try bench.wait(.seconds(2))
        #expect(bench.sent().times(pictures: true).first == 8_153)
    }

    @Test func aStreamWithoutSoundGetsASlateWithoutSound() throws {
        var bench = SwitchBench()
        bench.feed.connectionBegan(now: bench.now)
        bench.source(.tracks([SwitchBench.video]))
        bench.source(SwitchBench.picture(1, 0, isKeyframe: true))
        bench.source(.ended)
        bench.items = []
        try bench.wait(.seconds(3))
        let sent = bench.sent()
        #expect(sent.first == .tracks([.h264], isSlate: true))
        #expect(sent.times(pictures: false) == [])
    }

    @Test func anotherConnectionGetsTheSlateFromItsBeginning() throws {
        var bench = SwitchBench()
        bench.begin()
        bench.source(.ended)
        try bench.wait(.seconds(60))
        bench.items = []
        bench.feed.connectionBegan(now: bench.now)
        try bench.wait(.milliseconds(100))
        let sent = bench.sent()
        #expect(sent.first == .tracks([.h264, .aac], isSlate: true))
        #expect(sent.times(pictures: true) == [0, 40, 80], "in real time: this connection has missed nothing")
        bench.source(.tracks([SwitchBench.video, SwitchBench.audio]))
        bench.run(1, from: 7_993)
        #expect(bench.sent().times(pictures: true) == [113])
    }

    @Test func onlyTheFirstTracksAreSent() {
        var bench = SwitchBench()
        bench.begin()
        bench.source(SwitchBench.sound(1, 8_000, track: TrackID(rawValue: 3)))
        bench.source(SwitchBench.picture(1, 8_000, isKeyframe: true, track: TrackID(rawValue: 2)))
        #expect(bench.sent() == [])
    }
}
