import AV
import Media
import NIOCore
import Streams
import Testing

@testable import Outputs

/// Another stream that stands in.
@Suite struct FeedBackupTests {
    private static let other = Track(
        id: .video, codec: .h264, configuration: [1, 0x42, 0, 0x1F, 0xFF, 0xE1, 0, 4, 0x67, 0x42, 0, 0x1F, 1, 0, 2, 0x68, 0xEE],
        format: .video(VideoFormat(width: 640, height: 360, frameRate: 25)))

    /// Live, then lost, with a backup that has been live for a while.
    private func lost(_ tracks: [Track] = [FeedBackupTests.other, SwitchBench.audio]) -> SwitchBench {
        var bench = SwitchBench()
        bench.begin()
        bench.source(.ended)
        bench.items = []
        bench.pass(.seconds(2))
        bench.backup(.tracks(tracks))
        return bench
    }

    @Test func aBackupComesInAtItsKeyframeWithItsOwnTracks() throws {
        var bench = self.lost()
        bench.run(15, from: 500_000, whose: SwitchBench.backup, firstIsKeyframe: false)
        guard case .tracks(let tracks)? = bench.items.first else { throw CancellationError() }
        #expect(tracks == [Self.other, SwitchBench.audio])
        let sent = bench.sent()
        #expect(bench.feed.feeding == .backup)
        #expect(sent.first == .tracks([.h264, .aac], isSlate: false))
        #expect(sent.dropFirst().first == .picture(SwitchBench.backup, 7_993, isKeyframe: true))
        #expect(sent.times(pictures: true).count == 5)
        try sent.requireContinuous(longestGap: 41, after: 7_960, pictures: true)
        try sent.requireContinuous(longestGap: 80, after: 7_965, pictures: false)
    }

    @Test func theStreamTakesOverFromTheBackupAtItsKeyframe() throws {
        var bench = self.lost()
        bench.run(25, from: 500_000, whose: SwitchBench.backup)
        let before = bench.sent()
        bench.source(.tracks([SwitchBench.video, SwitchBench.audio]))
        bench.run(3, from: 7_993, firstIsKeyframe: false)
        #expect(bench.sent() == [])
        bench.run(20, from: 8_113)
        let after = bench.sent()
        #expect(bench.feed.feeding == .source)
        #expect(after.first == .tracks([.h264, .aac], isSlate: false))
        try after.requireContinuous(longestGap: 41, after: before.times(pictures: true).last, pictures: true)
        try after.requireContinuous(longestGap: 80, after: before.times(pictures: false).last, pictures: false)
        bench.run(5, from: 600_000, whose: SwitchBench.backup)
        #expect(bench.sent() == [], "nobody needs it now")
    }

    @Test func theSlateFollowsABackupThatEndsOrFallsSilent() throws {
        for ends in [true, false] {
            var bench = self.lost()
            bench.run(25, from: 500_000, whose: SwitchBench.backup)
            let before = bench.sent()
            if ends { bench.backup(.ended) }
            try bench.wait(.seconds(5))
            let after = bench.sent()
            #expect(bench.feed.feeding == .slate)
            #expect(after.first == .tracks([.h264, .aac], isSlate: true))
            try after.requireContinuous(longestGap: 41, after: before.times(pictures: true).last, pictures: true)
            try after.requireContinuous(longestGap: 60, after: before.times(pictures: false).last, pictures: false)
        }
    }

    @Test func aBackupThatGoesLiveTakesOverFromTheSlate() throws {
        var bench = SwitchBench()
        bench.begin()
        bench.source(.ended)
        try bench.wait(.seconds(5))
        let before = bench.sent()
        bench.backup(.tracks([Self.other, SwitchBench.audio]))
        bench.run(5, from: 0, whose: SwitchBench.backup)
        let after = bench.sent()
        #expect(bench.feed.feeding == .backup)
        try after.requireContinuous(longestGap: 41, after: before.times(pictures: true).last, pictures: true)
    }

    @Test func aBackupOfOtherCodecsDoesNotStandIn() throws {
        var hevc = Self.other
        hevc.codec = .hevc
        var opus = SwitchBench.audio
        opus.codec = .opus
        for tracks in [[hevc, SwitchBench.audio], [Self.other, opus], [SwitchBench.audio], []] {
            var bench = self.lost(tracks)
            #expect(!bench.feed.canStandIn(tracks))
            bench.run(15, from: 0, whose: SwitchBench.backup)
            #expect(bench.sent() == [])
            try bench.wait(.milliseconds(200))
            #expect(bench.feed.feeding == .slate)
        }
    }

    @Test func aBackupWithoutSoundGetsSilence() throws {
        var bench = self.lost([Self.other])
        bench.run(50, from: 0, whose: SwitchBench.backup)
        let sent = bench.sent()
        #expect(sent.first == .tracks([.h264, .aac], isSlate: false))
        try sent.requireContinuous(longestGap: 22, after: 7_965, pictures: false)
        #expect(sent.times(pictures: false, of: SwitchBench.backup) == [])
    }

    @Test func soundThatABackupGetsLaterTakesThePlaceOfTheSilence() throws {
        var bench = self.lost([Self.other])
        bench.run(25, from: 0, whose: SwitchBench.backup)
        let before = bench.sent()
        bench.backup(.tracks([Self.other, SwitchBench.audio]))
        bench.run(25, from: 1_000, whose: SwitchBench.backup)
        let after = bench.sent()
        #expect(after.first { if case .tracks = $0 { true } else { false } } == .tracks([.h264, .aac], isSlate: false))
        #expect(after.times(pictures: false, of: SwitchBench.backup).count >= 24, "its own sound")
        #expect(after.times(pictures: false).count <= 25 + 3, "and no silence beside it")
        try (before + after).requireContinuous(longestGap: 80, pictures: false)
    }

    @Test func aBackupThatLosesItsSoundGetsSilence() throws {
        var bench = self.lost()
        bench.run(25, from: 0, whose: SwitchBench.backup)
        let before = bench.sent()
        bench.backup(.tracks([Self.other]))
        bench.run(25, from: 1_000, whose: SwitchBench.backup)
        let after = bench.sent()
        #expect(after.contains(.tracks([.h264, .aac], isSlate: false)), "told of sound as before")
        #expect(!after.contains(.tracks([.h264], isSlate: false)))
        try after.requireContinuous(longestGap: 41, after: before.times(pictures: false).last, pictures: false)
        #expect(try #require(after.times(pictures: false).last) >= #require(after.times(pictures: true).last) - 48, "but for a packet under way")
    }

    @Test func itStandsInForNoLongerThanTheLimit() throws {
        var bench = SwitchBench(limit: .seconds(10))
        bench.begin()
        bench.source(.ended)
        bench.pass(.seconds(2))
        bench.backup(.tracks([Self.other, SwitchBench.audio]))
        bench.run(190, from: 0, whose: SwitchBench.backup)
        #expect(bench.feed.feeding == .backup)
        bench.run(25, from: 7_600, whose: SwitchBench.backup)
        bench.feed.advance(now: bench.now, loop: SwitchBench.loop, into: &bench.items)
        #expect(bench.feed.feeding == .held)
        #expect(!bench.feed.wantsFill(now: bench.now), "it is not read any more")
    }

    @Test func soundThatTheStreamDoesNotHaveIsLeftOut() throws {
        var bench = SwitchBench()
        bench.feed.connectionBegan(now: bench.now)
        bench.source(.tracks([SwitchBench.video]))
        bench.source(SwitchBench.picture(1, 0, isKeyframe: true))
        bench.source(.ended)
        bench.items = []
        bench.pass(.seconds(3))
        bench.backup(.tracks([Self.other, SwitchBench.audio]))
        bench.run(5, from: 0, whose: SwitchBench.backup)
        let sent = bench.sent()
        #expect(sent.first == .tracks([.h264], isSlate: false))
        #expect(sent.times(pictures: false) == [])
        #expect(sent.times(pictures: true).count == 5)
    }
}
