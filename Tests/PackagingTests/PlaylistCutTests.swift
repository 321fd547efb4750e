import Media
import Packaging
import Testing

@Suite struct PlaylistCutTests {
    /// Two seconds each, from 1,000 s after 1970.
    private func playlist(_ count: UInt64, discontinuities: Set<UInt64> = [], window: MediaTime? = nil, listSize: Int = 100) -> MediaPlaylist {
        var playlist = MediaPlaylist(targetSeconds: 2, listSize: listSize, window: window, naming: .init(segmentPrefix: "s", initPrefix: "i"))
        for number in 0..<count {
            _ = playlist.append(
                .init(
                    number: number, duration: MediaTime(milliseconds: 2000), isDiscontinuity: discontinuities.contains(number),
                    programDateTimeMilliseconds: 1_000_000 + Int64(number) * 2000))
        }
        return playlist
    }

    @Test(
        arguments: [
            (1_004_000, 1_008_000, [2, 3], true), (1_004_001, 1_008_001, [2, 3, 4], true), (1_003_999, 1_004_000, [1], true),
            (nil, 1_002_000, [0], true), (1_016_500, nil, [8, 9], false), (1_016_000, 1_030_000, [8, 9], false), (0, 2_000_000, Array(0...9), false),
        ] as [(Int64?, Int64?, [UInt64], Bool)])
    func aCutHoldsWhatWasShownInIt(start: Int64?, end: Int64?, numbers: [UInt64], isEnded: Bool) throws {
        let cut = try #require(self.playlist(10).cut(from: start, until: end))
        #expect(cut.entries.map(\.number) == numbers)
        #expect(cut.isEnded == isEnded)
        #expect(cut.mediaSequence == numbers.first)
    }

    @Test func whereNothingWasShownThereIsNoCut() {
        #expect(self.playlist(10).cut(from: 1_020_000, until: nil) == nil)
        #expect(self.playlist(10).cut(from: nil, until: 1_000_000) == nil)
        #expect(self.playlist(0).cut(from: nil, until: nil) == nil)
    }

    @Test func discontinuitiesBeforeACutAreCounted() throws {
        let cut = try #require(self.playlist(10, discontinuities: [1, 4, 6]).cut(from: 1_008_000, until: nil))
        #expect(cut.discontinuitySequence == 1)
        #expect(cut.render().contains("#EXT-X-DISCONTINUITY\n"))
        #expect(try #require(self.playlist(10, discontinuities: [1, 4, 6]).cut(from: 1_010_000, until: nil)).discontinuitySequence == 2)
    }

    @Test func aWindowOfTimeListsMoreThanItsSize() {
        #expect(self.playlist(100, window: MediaTime(milliseconds: 60_000), listSize: 5).entries.map(\.number) == Array(70..<100))
        #expect(self.playlist(100, window: MediaTime(milliseconds: 4_000), listSize: 5).entries.map(\.number) == Array(95..<100))
        #expect(self.playlist(100, listSize: 5).entries.map(\.number) == Array(95..<100))
    }
}
