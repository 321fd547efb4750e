import Media
import NIOCore
import Packaging
import Testing

@Suite struct DASHManifestTests {
    private func manifest(_ entries: [DASHManifest.Entry], listSize: Int = 5, prefix: String = "demo-x-") -> DASHManifest {
        var manifest = DASHManifest(listSize: listSize, naming: .init(prefix: prefix, clock: "../../time"))
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
                      <SegmentTemplate timescale="1000000" presentationTimeOffset="0" startNumber="7" availabilityTimeOffset="0" \
                initialization="demo-x-init-0-t1.mp4?token=a&amp;subscriberId=b" media="demo-x-$Number$-t1.m4s?token=a&amp;subscriberId=b">
                        <SegmentTimeline>
                          <S t="4000000" d="2000000" r="1"/>
                          <S d="1960000"/>
                        </SegmentTimeline>
                      </SegmentTemplate>
                      <Representation id="video0" codecs="avc1.64001f" bandwidth="1872000" width="1280" height="720"/>
                    </AdaptationSet>
                    <AdaptationSet id="1" contentType="audio" mimeType="audio/mp4" segmentAlignment="true">
                      <SegmentTemplate timescale="1000000" presentationTimeOffset="0" startNumber="7" availabilityTimeOffset="0" \
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
                      <SegmentTemplate timescale="1000000" presentationTimeOffset="0" startNumber="10" availabilityTimeOffset="0" \
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
        #expect(text.contains(" mediaPresentationDuration=\"PT3.500000S\""))
        #expect(!text.contains("minimumUpdatePeriod"))
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
