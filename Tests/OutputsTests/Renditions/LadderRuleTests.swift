import Media
import TestSupport
import Testing

@testable import Outputs

@Suite struct LadderRuleTests {
    private func time(_ milliseconds: Int64) -> MediaTime { MediaTime(milliseconds: milliseconds) }

    // MARK: Keyframes

    @Test func groupsBeginWhereTheSourcesDoWhateverTheOrderOfDecoding() {
        var rule = KeyframeRule()
        rule.sourceKeyframe(at: self.time(80))
        let first = [80, 120].map { rule.beginsGroup(at: self.time($0)) }
        #expect(first == [true, false])
        // The next keyframe is taken by the decoder before pictures come out that are shown earlier.
        rule.sourceKeyframe(at: self.time(1_080))
        let second = [1_040, 1_080, 1_120].map { rule.beginsGroup(at: self.time($0)) }
        #expect(second == [false, true, false])
    }

    @Test func aKeyframeWhosePictureIsLostLeavesItsRoleToTheNext() {
        var rule = KeyframeRule()
        rule.sourceKeyframe(at: self.time(0))
        let first = rule.beginsGroup(at: self.time(0))
        rule.sourceKeyframe(at: self.time(1_000))
        let rest = [1_040, 1_080].map { rule.beginsGroup(at: self.time($0)) }
        #expect(first && rest == [true, false])
    }

    @Test func overlongGroupsAreCutEveryTenSeconds() {
        var rule = KeyframeRule()
        rule.sourceKeyframe(at: .zero)
        let cuts = (0..<25).filter { rule.beginsGroup(at: self.time(Int64($0) * 1_000)) }
        #expect(cuts == [0, 10, 20])
    }

    // MARK: Load

    /// What becomes of 25 pictures a second with this lag, a keyframe each second.
    private func decide(_ load: inout EncodingLoad, lag: Int64, seconds: Range<Int64>) -> [EncodingLoad.Decision] {
        (seconds.lowerBound * 25..<seconds.upperBound * 25).map { number in
            load.decide(lag: self.time(lag), at: self.time(number * 40), isKeyframe: number % 25 == 0)
        }
    }

    @Test func nothingIsLeftOutBeforeTheLagIsASecond() {
        var load = EncodingLoad()
        #expect(self.decide(&load, lag: 1_000, seconds: 0..<60).allSatisfy { $0 == .encode })
        #expect(load.dropped == 0)
    }

    @Test func theGreaterTheLagTheMoreIsLeftOutAndNeverAKeyframe() {
        for (lag, kept) in [(1_500, 13), (2_500, 7), (3_500, 1)] as [(Int64, Int)] {
            var load = EncodingLoad()
            let decisions = self.decide(&load, lag: lag, seconds: 0..<1)
            #expect(decisions[0] == .encode)
            #expect(decisions.count { $0 == .encode } == kept, "of 25 with a lag of \(lag) ms")
            #expect(load.dropped == 25 - kept)
        }
    }

    @Test func fiveBadSecondsCostARenditionAndThenCountingBeginsAnew() {
        var load = EncodingLoad()
        let decisions = self.decide(&load, lag: 1_500, seconds: 0..<11)
        let shed = decisions.indices.filter { decisions[$0] == .shed }
        #expect(shed == [125, 250])
    }

    @Test func secondsWithoutLossMakeUpForThoseWithIt() {
        var load = EncodingLoad()
        for second in 0..<30 as Range<Int64> {
            let decisions = self.decide(&load, lag: second % 2 == 0 ? 1_500 : 0, seconds: second..<second + 1)
            #expect(!decisions.contains(.shed))
        }
    }

    @Test func framesLostBeforeTheDecoderCountToo() {
        var load = EncodingLoad()
        var decisions: [EncodingLoad.Decision] = []
        for second in 0..<6 as Range<Int64> {
            load.noteLost(10)
            decisions += self.decide(&load, lag: 0, seconds: second..<second + 1)
        }
        #expect(decisions.count { $0 == .shed } == 1)
        #expect(load.dropped == 60)
    }

    // MARK: Sound

    @Test func soundWaitsForThePicturesOfItsTimeButNotForEver() {
        var hold = SoundHold()
        for time in stride(from: 0, through: 900, by: 100) as StrideThrough<Int64> { hold.add(Frames.sound(at: time)) }
        let early = hold.nextOverdue()
        #expect(early?.decodeTime == nil)
        var given: [Int64] = []
        while let frame = hold.next(before: self.time(400)) { given.append(frame.decodeTime.milliseconds) }
        #expect(given == [0, 100, 200, 300])
        hold.add(Frames.sound(at: 3_550))
        given = []
        while let frame = hold.nextOverdue() { given.append(frame.decodeTime.milliseconds) }
        #expect(given == [400, 500])
        given = []
        while let frame = hold.nextOfAll() { given.append(frame.decodeTime.milliseconds) }
        #expect(given == [600, 700, 800, 900, 3_550])
    }

    // MARK: Slots

    @Test func noMoreRenditionsAreMadeThanMayBe() {
        let slots = EncoderSlots(limit: 2)
        #expect(slots.take())
        #expect(slots.take())
        #expect(!slots.take())
        slots.give()
        #expect(slots.take())
        #expect(slots.count == 2)
        #expect(!EncoderSlots(limit: 0).take())
    }
}
