import Media
import Packaging
import Testing

@Suite struct PlaylistTests {
    private static let naming = MediaPlaylist.Naming(segmentPrefix: "demo/s", initPrefix: "demo/i")

    private func playlist(_ entries: [MediaPlaylist.Entry], listSize: Int = 5) -> MediaPlaylist {
        var playlist = MediaPlaylist(targetSeconds: 2, listSize: listSize, naming: Self.naming)
        for entry in entries { _ = playlist.append(entry) }
        return playlist
    }

    private func entry(
        _ number: UInt64, _ milliseconds: Int64 = 2000, independent: Bool = true, discontinuity: Bool = false, version: Int = 0, date: Int64? = nil
    ) -> MediaPlaylist.Entry {
        .init(
            number: number, duration: MediaTime(milliseconds: milliseconds), isIndependent: independent, isDiscontinuity: discontinuity,
            initVersion: version, programDateTimeMilliseconds: date)
    }

    @Test func aPlaylistLooksLikeThis() {
        let playlist = self.playlist([
            self.entry(7, 2002, date: 1_709_251_199_123), self.entry(8, 1000, discontinuity: true, version: 1, date: 1_709_251_201_125),
        ])
        #expect(
            playlist.render(query: "token=a") == """
                #EXTM3U
                #EXT-X-VERSION:7
                #EXT-X-TARGETDURATION:2
                #EXT-X-MEDIA-SEQUENCE:7
                #EXT-X-DISCONTINUITY-SEQUENCE:0
                #EXT-X-INDEPENDENT-SEGMENTS
                #EXT-X-MAP:URI="demo/i0.mp4?token=a"
                #EXT-X-PROGRAM-DATE-TIME:2024-02-29T23:59:59.123Z
                #EXTINF:2.002000,
                demo/s7.m4s?token=a
                #EXT-X-DISCONTINUITY
                #EXT-X-MAP:URI="demo/i1.mp4?token=a"
                #EXT-X-PROGRAM-DATE-TIME:2024-03-01T00:00:01.125Z
                #EXTINF:1.000000,
                demo/s8.m4s?token=a

                """)
    }

    @Test func theMapIsWrittenOncePerVersionAndAgainAfterADiscontinuity() {
        let text = self.playlist([self.entry(0), self.entry(1), self.entry(2, discontinuity: true), self.entry(3)]).render()
        #expect(text.split(separator: "\n").filter { $0.hasPrefix("#EXT-X-MAP") }.count == 2)
        #expect(!text.contains("?"))
    }

    @Test func theWindowMovesAndCountsWhatLeft() {
        var playlist = self.playlist((0..<5).map { self.entry($0, discontinuity: $0 == 1) })
        #expect(playlist.append(self.entry(5)).map(\.number) == [0])
        #expect(playlist.discontinuitySequence == 0)
        #expect(playlist.render().contains("#EXT-X-DISCONTINUITY\n"))
        #expect(playlist.append(self.entry(6)).map(\.number) == [1])
        #expect(playlist.discontinuitySequence == 1)
        #expect(playlist.mediaSequence == 2)
        #expect(playlist.render().contains("#EXT-X-DISCONTINUITY-SEQUENCE:1\n"))
        #expect(!playlist.render().contains("#EXT-X-DISCONTINUITY\n"))
    }

    @Test func independenceIsPromisedOnlyWhileItIsTrue() {
        var playlist = self.playlist([self.entry(0), self.entry(1, independent: false)], listSize: 3)
        #expect(!playlist.render().contains("INDEPENDENT"))
        for number in 2..<5 as Range<UInt64> { _ = playlist.append(self.entry(number)) }
        #expect(playlist.render().contains("#EXT-X-INDEPENDENT-SEGMENTS"))
    }

    @Test func theEndIsWritten() {
        var playlist = self.playlist([self.entry(0)])
        #expect(!playlist.render().contains("ENDLIST"))
        playlist.end()
        #expect(playlist.render().hasSuffix("#EXT-X-ENDLIST\n"))
    }

    @Test(
        arguments: [
            (2000, nil, nil, 2), (2000, 2000, nil, 2), (2000, 2033, nil, 2), (2000, 500, nil, 2), (2000, 1500, nil, 3), (2000, 4000, nil, 4),
            (2000, 8333, nil, 8), (2000, 60_000, nil, 10), (2500, nil, nil, 3), (2000, nil, 5600, 6), (2000, 60_000, 14_000, 14), (100, nil, nil, 1),
        ] as [(Int64, Int64?, Int64?, Int)])
    func theTargetHasRoomForWholeGroups(configured: Int64, interval: Int64?, first: Int64?, seconds: Int) {
        #expect(
            MediaPlaylist.targetSeconds(
                configured: MediaTime(milliseconds: configured), keyframeInterval: interval.map { MediaTime(milliseconds: $0) },
                firstSegment: first.map { MediaTime(milliseconds: $0) }) == seconds)
    }

    @Test func noSegmentOfASegmenterExceedsTheTargetItWasLimitedTo() throws {
        for group: Int64 in [480, 1520, 2000, 3000, 8320, 30_000] {
            let target = MediaPlaylist.targetSeconds(configured: MediaTime(milliseconds: 2000), keyframeInterval: MediaTime(milliseconds: group))
            var configuration = Segmenter.Configuration()
            configuration.maximumDuration = MediaPlaylist.longestSegment(targetSeconds: target)
            let packaged = try Packaged(Synthetic.pictures(0, 60_000, group: group), of: [Synthetic.video], configuration: configuration)
            #expect(packaged.durations.allSatisfy { ($0 + 500) / 1000 <= target })
            #expect(packaged.segments.allSatisfy { $0.isIndependent } == (group <= 10_000))
        }
    }

    @Test(
        arguments: zip(
            [0, -1, 951_782_400_000, 4_107_542_399_999, 1_700_000_000_001] as [Int64],
            [
                "1970-01-01T00:00:00.000Z", "1969-12-31T23:59:59.999Z", "2000-02-29T00:00:00.000Z", "2100-02-28T23:59:59.999Z",
                "2023-11-14T22:13:20.001Z",
            ]))
    func datesAreThoseOfTheCalendar(milliseconds: Int64, text: String) {
        #expect(self.playlist([self.entry(0, date: milliseconds)]).render().contains("PROGRAM-DATE-TIME:\(text)\n"))
    }

    @Test func theResolutionIsThatOfWhatIsShown() {
        let turned = MultivariantPlaylist(variants: [
            .init(uri: "demo.m3u8", bandwidth: 1, averageBandwidth: nil, tracks: [Synthetic.video.turned(.quarter), Synthetic.audio])
        ])
        #expect(turned.render().contains("RESOLUTION=720x1280"))
    }

    @Test func variantsAreDescribedForTheirPlayers() {
        let playlist = MultivariantPlaylist(variants: [
            .init(uri: "demo.m3u8", bandwidth: 2_650_000, averageBandwidth: 2_500_000, tracks: [Synthetic.video, Synthetic.audio], frameRate: 29.97),
            .init(uri: "demo.m3u8?a=1", bandwidth: 130_000, averageBandwidth: nil, tracks: [Synthetic.audio]),
        ])
        #expect(
            playlist.render(query: "t=x") == """
                #EXTM3U
                #EXT-X-VERSION:7
                #EXT-X-STREAM-INF:BANDWIDTH=2650000,AVERAGE-BANDWIDTH=2500000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970
                demo.m3u8?t=x
                #EXT-X-STREAM-INF:BANDWIDTH=130000,CODECS="mp4a.40.2"
                demo.m3u8?a=1&t=x

                """)
    }

    @Test func bandwidthIsThePeakAndTheAverageOfTheWindow() {
        var meter = BandwidthMeter(window: 2)
        #expect(meter.peak == 0)
        #expect(meter.average == 0)
        meter.add(bytes: 9_000_000, duration: MediaTime(milliseconds: 2000))
        meter.add(bytes: 250_000, duration: MediaTime(milliseconds: 2000))
        meter.add(bytes: 500_000, duration: MediaTime(milliseconds: 2000))
        meter.add(bytes: 5, duration: .zero)
        #expect(meter.peak == 2_000_000)
        #expect(meter.average == 1_500_000)
        meter.add(bytes: 1_000_000, duration: MediaTime(milliseconds: 100))
        #expect(meter.peak == 2_000_000)
    }
}
