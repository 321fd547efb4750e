import Media
import NIOCore
import Packaging
import Testing

@Suite struct DASHManifestTests {
    private func manifest(
        _ entries: [DASHManifest.Entry], listSize: Int = 5, prefix: String = "demo-x-", chunks: Int64? = nil
    ) -> DASHManifest {
        var manifest = DASHManifest(
            listSize: listSize, naming: .init(prefix: prefix, clock: "../../time"), chunkDuration: chunks.map { MediaTime(milliseconds: $0) })
        manifest.setTracks([Synthetic.video, Synthetic.audio], initVersion: 0)
        manifest.setTracks([Synthetic.audio], initVersion: 1)
        manifest.bandwidth = 2_000_000
        for entry in entries { manifest.append(entry, now: 1_709_251_205_000) }
        return manifest
    }

    /// Its clock reads 2024-02-29T23:59:50 at the timeline's zero.
    private func entry(
        _ number: UInt64, at milliseconds: Int64, _ duration: Int64 = 2000, discontinuity: Bool = false, version: Int = 0, late: Int64 = 0
    ) -> DASHManifest.Entry {
        .init(
            number: number, start: MediaTime(milliseconds: milliseconds), duration: MediaTime(milliseconds: duration),
            isDiscontinuity: discontinuity, initVersion: version, wallMilliseconds: 1_709_251_190_000 + milliseconds + late)
    }

    @Test func aManifestLooksLikeThis() throws {
        let manifest = self.manifest([
            self.entry(7, at: 4000), self.entry(8, at: 6000), self.entry(9, at: 8000, 1960),
            self.entry(10, at: 0, discontinuity: true, version: 1, late: 12_000),
        ])
        #expect(
            try #require(manifest.render(query: "token=a&subscriberId=b")) == """
                <?xml version="1.0" encoding="UTF-8"?>
                <MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="dynamic" \
                availabilityStartTime="2024-02-29T23:59:50.000Z" publishTime="2024-03-01T00:00:05.000Z" minimumUpdatePeriod="PT2.000000S" \
                minBufferTime="PT2.000000S" timeShiftBufferDepth="PT7.960000S" suggestedPresentationDelay="PT6.000000S" \
                maxSegmentDuration="PT2.000000S">
                  <Period id="0" start="PT0.000000S">
                    <AdaptationSet id="0" contentType="video" mimeType="video/mp4" segmentAlignment="true">
                      <SegmentTemplate timescale="1000000" presentationTimeOffset="0" startNumber="7" \
                initialization="demo-x-init-0-t1.mp4?token=a&amp;subscriberId=b" media="demo-x-$Number$-t1.m4s?token=a&amp;subscriberId=b">
                        <SegmentTimeline>
                          <S t="4000000" d="2000000" r="1"/>
                          <S d="1960000"/>
                        </SegmentTimeline>
                      </SegmentTemplate>
                      <Representation id="video0" codecs="avc1.64001f" bandwidth="1872000" width="1280" height="720"/>
                    </AdaptationSet>
                    <AdaptationSet id="1" contentType="audio" mimeType="audio/mp4" segmentAlignment="true">
                      <SegmentTemplate timescale="1000000" presentationTimeOffset="0" startNumber="7" \
                initialization="demo-x-init-0-t2.mp4?token=a&amp;subscriberId=b" media="demo-x-$Number$-t2.m4s?token=a&amp;subscriberId=b">
                        <SegmentTimeline>
                          <S t="4000000" d="2000000" r="1"/>
                          <S d="1960000"/>
                        </SegmentTimeline>
                      </SegmentTemplate>
                      <Representation id="audio1" codecs="mp4a.40.2" bandwidth="128000" audioSamplingRate="44100">
                        <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>
                      </Representation>
                    </AdaptationSet>
                  </Period>
                  <Period id="1" start="PT12.000000S">
                    <AdaptationSet id="0" contentType="audio" mimeType="audio/mp4" segmentAlignment="true">
                      <SegmentTemplate timescale="1000000" presentationTimeOffset="0" startNumber="10" \
                initialization="demo-x-init-1-t1.mp4?token=a&amp;subscriberId=b" media="demo-x-$Number$-t1.m4s?token=a&amp;subscriberId=b">
                        <SegmentTimeline>
                          <S t="0" d="2000000"/>
                        </SegmentTimeline>
                      </SegmentTemplate>
                      <Representation id="audio0" codecs="mp4a.40.2" bandwidth="2000000" audioSamplingRate="44100">
                        <AudioChannelConfiguration schemeIdUri="urn:mpeg:dash:23003:3:audio_channel_configuration:2011" value="2"/>
                      </Representation>
                    </AdaptationSet>
                  </Period>
                  <UTCTiming schemeIdUri="urn:mpeg:dash:utc:http-iso:2014" value="../../time"/>
                </MPD>

                """)
        try StrictMPD.check(try #require(manifest.render(query: "token=a&subscriberId=b")))
    }

    @Test func beforeTheFirstSegmentThereIsNone() { #expect(self.manifest([]).render() == nil) }

    @Test func theWindowMovesAndAPeriodKeepsItsStart() throws {
        var entries = (0..<6 as Range<UInt64>).map { self.entry($0, at: Int64($0) * 2000) }
        entries.append(self.entry(6, at: 500, discontinuity: true, late: 30_000))
        let manifest = self.manifest(entries)
        #expect(manifest.count == 5)
        let text = try #require(manifest.render())
        #expect(text.contains("startNumber=\"2\"") && text.contains("<S t=\"4000000\" d=\"2000000\" r=\"3\"/>"))
        #expect(text.contains("<Period id=\"1\" start=\"PT30.500000S\">") && text.contains("presentationTimeOffset=\"500000\""))
        let later = self.manifest(entries + (7..<12 as Range<UInt64>).map { self.entry($0, at: Int64($0) * 2000 - 11_500, late: 30_000) })
        let moved = try #require(later.render())
        #expect(!moved.contains("<Period id=\"0\""))
        #expect(moved.contains("<Period id=\"1\" start=\"PT30.500000S\">") && moved.contains("<S t=\"2500000\" d=\"2000000\" r=\"4\"/>"))
    }

    @Test func aClockThatWasSetBackDoesNotMakePeriodsOverlap() throws {
        let text = try #require(self.manifest([self.entry(0, at: 0), self.entry(1, at: 0, discontinuity: true, late: -50_000)]).render())
        #expect(text.contains("<Period id=\"1\" start=\"PT2.000000S\">"))
    }

    @Test func anEndedManifestSaysWhenAndAsksForNoUpdates() throws {
        var manifest = self.manifest([self.entry(0, at: 0), self.entry(1, at: 2000, 1500)])
        manifest.end()
        let text = try #require(manifest.render())
        #expect(text.contains(" type=\"static\"") && text.contains(" mediaPresentationDuration=\"PT3.500000S\""))
        for name in ["minimumUpdatePeriod", "timeShiftBufferDepth", "suggestedPresentationDelay", "UTCTiming"] { #expect(!text.contains(name)) }
        try StrictMPD.check(text)
    }

    // MARK: Low latency

    @Test func theSegmentThatIsBeingMadeIsListedAsTheOneBefore() throws {
        let manifest = self.manifest([self.entry(7, at: 4000), self.entry(8, at: 6000)], chunks: 500)
        let text = try #require(manifest.render())
        #expect(text.contains("<S t=\"4000000\" d=\"2000000\" r=\"2\"/>"))
        #expect(text.contains(" availabilityTimeOffset=\"1.500000\" availabilityTimeComplete=\"false\""))
        #expect(text.contains(" minimumUpdatePeriod=\"PT0.500000S\"") && text.contains(" timeShiftBufferDepth=\"PT4.000000S\""))
        #expect(text.contains("<Latency referenceId=\"0\" target=\"2000\" max=\"6000\" min=\"1000\"/>"))
        #expect(
            text.contains(
                "<ProducerReferenceTime id=\"0\" type=\"encoder\" wallClockTime=\"2024-02-29T23:59:58.000Z\" presentationTime=\"8000000\">"))
        try StrictMPD.check(text)
    }

    @Test func aSegmentThatBeginsAsForeseenChangesNothing() throws {
        var manifest = self.manifest([self.entry(7, at: 4000)], chunks: 500)
        let text = manifest.render()
        let isNews = manifest.begin(self.entry(8, at: 6000, 500), now: 1_709_251_206_000)
        #expect(!isNews)
        #expect(manifest.render() == text)
        manifest.append(self.entry(8, at: 6000, 1400), now: 1_709_251_208_000)
        #expect(try #require(manifest.render()).contains("<S t=\"4000000\" d=\"2000000\"/>\n          <S d=\"1400000\" r=\"1\"/>"))
    }

    @Test func aDiscontinuityThatBeginsIsAPeriodOfItsOwn() throws {
        var manifest = self.manifest([self.entry(7, at: 4000)], chunks: 500)
        let next = self.entry(8, at: 0, 500, discontinuity: true, version: 1, late: 12_000)
        let isNews = manifest.begin(next, now: 1_709_251_206_000)
        #expect(isNews)
        let text = try #require(manifest.render())
        #expect(text.contains("<Period id=\"1\" start=\"PT12.000000S\">") && text.contains("<S t=\"0\" d=\"2000000\"/>"))
        // Only the Period that grows has something that is not whole.
        #expect(text.split(separator: "availabilityTimeComplete").count == 2)
        try StrictMPD.check(text)
        manifest.append(self.entry(8, at: 0, 1900, discontinuity: true, version: 1, late: 12_000), now: 1_709_251_208_000)
        #expect(try #require(manifest.render()).contains("<S t=\"0\" d=\"1900000\" r=\"1\"/>"))
    }

    @Test func whatDoesNotComeIsNotListed() throws {
        var dropped = self.manifest([self.entry(7, at: 4000)], chunks: 500)
        dropped.dropGrowing()
        var ended = self.manifest([self.entry(7, at: 4000)], chunks: 500)
        ended.end()
        for manifest in [dropped, ended] {
            let text = try #require(manifest.render())
            #expect(text.contains("<S t=\"4000000\" d=\"2000000\"/>") && !text.contains("availabilityTimeComplete"))
            try StrictMPD.check(text)
        }
    }

    @Test func theCheckOfTheseTestsFindsWhatIsWrong() throws {
        let right = try #require(self.manifest([self.entry(7, at: 4000)], chunks: 500).render())
        try StrictMPD.check(right)
        let wrong = [
            right.replacing(" minBufferTime=", with: " minbufferTime="), right.replacing("type=\"dynamic\"", with: "type=\"live\""),
            right.replacing("d=\"2000000\"", with: "d=\"-1\""), right.replacing(" bandwidth=", with: " rate="),
            right.replacing("ServiceDescription", with: "UTCTiming"), right.replacing("PT2.000000S", with: "2s"),
            right.replacing("availabilityStartTime=\"2024-02-29T", with: "availabilityStartTime=\"2024-02-29 "),
            right.replacing("</MPD>", with: "<Period/></MPD>"), right.replacing("<S ", with: "<T "),
        ]
        for text in wrong { #expect(throws: StrictMPD.Wrong.self) { try StrictMPD.check(text) } }
    }

    @Test func namesCannotBreakOutOfTheirAttribute() throws {
        let text = try #require(self.manifest([self.entry(0, at: 0)], prefix: "a\"><x y='&$Time$-\u{1}").render())
        #expect(text.contains("media=\"a&quot;&gt;&lt;x y=&apos;&amp;$$Time$$-$Number$-t1.m4s\""))
    }

    @Test func aHoleInTheTimelineIsSaid() throws {
        let text = try #require(self.manifest([self.entry(0, at: 0), self.entry(1, at: 2100), self.entry(2, at: 4100)]).render())
        #expect(text.contains("<S t=\"0\" d=\"2000000\"/>\n          <S t=\"2100000\" d=\"2000000\" r=\"1\"/>"))
    }
}
