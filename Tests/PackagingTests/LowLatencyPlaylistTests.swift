import Media
import NIOCore
import Testing

@testable import Packaging

@Suite struct LowLatencyPlaylistTests {
    private func empty(targetSeconds: Int = 2, listSize: Int = 15, partMilliseconds: Int64 = 500) -> LowLatencyPlaylist {
        LowLatencyPlaylist(
            media: MediaPlaylist(targetSeconds: targetSeconds, listSize: listSize, naming: .init(segmentPrefix: "s", initPrefix: "i")),
            partTarget: MediaTime(milliseconds: partMilliseconds))
    }

    private func part(_ number: UInt64, _ index: Int, _ milliseconds: Int64 = 500, discontinuity: Bool = false, version: Int = 0) -> Part {
        Part(
            segmentNumber: number, index: index, segmentStart: .zero, start: .zero, duration: MediaTime(milliseconds: milliseconds),
            isIndependent: index == 0, isDiscontinuity: discontinuity, initVersion: version, bytes: ByteBuffer())
    }

    private func segment(_ number: UInt64, parts: Int = 4, discontinuity: Bool = false, version: Int = 0) -> Segment {
        Segment(
            number: number, start: .zero, duration: MediaTime(milliseconds: Int64(parts) * 500), isIndependent: true,
            isDiscontinuity: discontinuity, initVersion: version, parts: (0..<parts).map { self.part(number, $0) },
            bytes: ByteBuffer())
    }

    /// Segments 0…`last`, and of the next one `parts` parts.
    private func playlist(last: UInt64, parts: Int = 0, listSize: Int = 15) -> LowLatencyPlaylist {
        var playlist = self.empty(listSize: listSize)
        for number in 0...last { _ = playlist.append(self.segment(number), programDateTimeMilliseconds: nil) }
        for index in 0..<parts { playlist.append(self.part(last + 1, index), programDateTimeMilliseconds: nil) }
        return playlist
    }

    private func lines(_ text: String, _ tag: String) -> [String] { text.split(separator: "\n").map(String.init).filter { $0.hasPrefix(tag) } }

    @Test func aPlaylistLooksLikeThis() {
        var playlist = self.empty()
        _ = playlist.append(self.segment(7, parts: 2), programDateTimeMilliseconds: 1_709_251_199_123)
        playlist.append(self.part(8, 0, 480, discontinuity: true, version: 1), programDateTimeMilliseconds: 1_709_251_200_123)
        #expect(
            playlist.render(query: "token=a", reports: [.init(uri: "low.m3u8", lastSegment: 8, lastPart: 0)]) == """
                #EXTM3U
                #EXT-X-VERSION:9
                #EXT-X-TARGETDURATION:2
                #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.500000,CAN-SKIP-UNTIL=12.000000
                #EXT-X-PART-INF:PART-TARGET=0.500000
                #EXT-X-MEDIA-SEQUENCE:7
                #EXT-X-DISCONTINUITY-SEQUENCE:0
                #EXT-X-INDEPENDENT-SEGMENTS
                #EXT-X-MAP:URI="i0.mp4?token=a"
                #EXT-X-PROGRAM-DATE-TIME:2024-02-29T23:59:59.123Z
                #EXT-X-PART:DURATION=0.500000,URI="s7.0.m4s?token=a",INDEPENDENT=YES
                #EXT-X-PART:DURATION=0.500000,URI="s7.1.m4s?token=a"
                #EXTINF:1.000000,
                s7.m4s?token=a
                #EXT-X-DISCONTINUITY
                #EXT-X-MAP:URI="i1.mp4?token=a"
                #EXT-X-PROGRAM-DATE-TIME:2024-03-01T00:00:00.123Z
                #EXT-X-PART:DURATION=0.480000,URI="s8.0.m4s?token=a",INDEPENDENT=YES
                #EXT-X-PRELOAD-HINT:TYPE=PART,URI="s8.1.m4s?token=a"
                #EXT-X-RENDITION-REPORT:URI="low.m3u8?token=a",LAST-MSN=8,LAST-PART=0

                """)
    }

    @Test func whatIsListedWithoutPartsIsThePlainPlaylist() {
        let playlist = self.playlist(last: 5, parts: 2)
        #expect(!playlist.media.render().contains("PART"))
        #expect(playlist.media.entries.map(\.number) == Array(0...5))
    }

    @Test func partsOfSegmentsFurtherBackThanThreeTargetsAreNotListed() {
        let text = self.playlist(last: 9, parts: 1).render()
        let listed = Set(self.lines(text, "#EXT-X-PART:").compactMap { $0.split(separator: "\"").dropFirst().first?.split(separator: ".").first })
        // Six seconds: 7, 8 and 9 end within it, and 6 ends at it.
        #expect(listed == ["s6", "s7", "s8", "s9", "s10"])
    }

    @Test func theHintIsThePartThatComesNext() throws {
        var playlist = self.playlist(last: 1)
        #expect(try #require(playlist.hint) == (2, 0))
        playlist.append(self.part(2, 0), programDateTimeMilliseconds: nil)
        #expect(try #require(playlist.hint) == (2, 1))
        _ = playlist.append(self.segment(2), programDateTimeMilliseconds: nil)
        #expect(try #require(playlist.hint) == (3, 0))
        playlist.end()
        #expect(playlist.hint == nil)
        let text = playlist.render()
        #expect(!text.contains("PRELOAD-HINT") && text.hasSuffix("#EXT-X-ENDLIST\n"))
    }

    @Test func thePartTargetNeverChangesAndALongerPartIsNotListed() {
        var playlist = self.playlist(last: 1, parts: 1)
        playlist.append(self.part(2, 1, 501), programDateTimeMilliseconds: nil)
        playlist.append(self.part(2, 2), programDateTimeMilliseconds: nil)
        let text = playlist.render()
        #expect(self.lines(text, "#EXT-X-PART-INF") == ["#EXT-X-PART-INF:PART-TARGET=0.500000"])
        #expect(text.contains("s2.0.m4s") && !text.contains("s2.1.m4s") && !text.contains("s2.2.m4s"))
        #expect(!text.contains("PRELOAD-HINT"))
        #expect(playlist.answer(.init(segment: 2, part: 1)) == .later)
        _ = playlist.append(self.segment(2), programDateTimeMilliseconds: nil)
        #expect(playlist.answer(.init(segment: 2, part: 1)) == .now)
        #expect(playlist.render().contains("PRELOAD-HINT:TYPE=PART,URI=\"s3.0.m4s\""))
    }

    @Test func aSourceOfFewPicturesHasALongerPartTargetFromTheStart() {
        let configured = MediaTime(milliseconds: 500)
        #expect(LowLatencyPlaylist.partTarget(configured: configured, firstParts: [self.part(0, 0, 480)]) == configured)
        let slow = Part(
            segmentNumber: 0, index: 0, segmentStart: .zero, start: .zero, duration: MediaTime(microseconds: 1_000_001), isIndependent: true,
            isDiscontinuity: false, initVersion: 0, bytes: ByteBuffer())
        #expect(LowLatencyPlaylist.partTarget(configured: configured, firstParts: [slow]) == MediaTime(milliseconds: 1001))
    }

    @Test(
        arguments: [
            // RFC 8216bis §6.2.5.2, with 0…9 listed and parts 0 and 1 of 10.
            (nil, nil, .now), (0, nil, .now), (9, nil, .now), (10, nil, .later), (11, nil, .later), (12, nil, .badRequest), (.max, nil, .badRequest),
            (0, 99, .now), (8, 99, .now), (9, 3, .now), (9, 4, .now), (10, 0, .now), (10, 1, .now), (10, 2, .later), (10, 7, .later),
            (10, 8, .badRequest), (11, 0, .later), (11, 6, .later), (11, 7, .badRequest), (12, 0, .badRequest), (nil, 1, .badRequest),
            (10, .max, .badRequest), (9, .max, .now),
        ] as [(UInt64?, UInt64?, LowLatencyPlaylist.Answer)])
    func aBlockingReloadWaitsForWhatComesAndNoFurther(segment: UInt64?, part: UInt64?, answer: LowLatencyPlaylist.Answer) {
        #expect(self.playlist(last: 9, parts: 2).answer(.init(segment: segment, part: part)) == answer)
    }

    @Test func aPartBeyondItsSegmentsLastIsTheFirstOfTheNext() {
        #expect(self.playlist(last: 9).answer(.init(segment: 9, part: 3)) == .now)
        #expect(self.playlist(last: 9).answer(.init(segment: 9, part: 4)) == .later)
        #expect(self.playlist(last: 9, parts: 1).answer(.init(segment: 9, part: 4)) == .now)
    }

    @Test func nothingBlocksOnAnEndedPlaylist() {
        var playlist = self.playlist(last: 9, parts: 1)
        playlist.end()
        for directives in [DeliveryDirectives(segment: 10, part: 1), .init(segment: 11), .init(segment: 400, part: 4)] {
            #expect(playlist.answer(directives) == .now)
        }
    }

    @Test func longPartsMayBeAskedForThreeAhead() {
        var playlist = self.empty(partMilliseconds: 1000)
        _ = playlist.append(self.segment(0), programDateTimeMilliseconds: nil)
        #expect(playlist.answer(.init(segment: 1, part: 3)) == .later)
        #expect(playlist.answer(.init(segment: 1, part: 4)) == .badRequest)
    }

    @Test func aDeltaUpdateLeavesOutWhatIsBeyondTheSkipBoundary() {
        let playlist = self.playlist(last: 14, parts: 2)
        let delta = playlist.render(skips: true)
        // 30 s and a second: segments 0…8 end more than twelve seconds before.
        #expect(self.lines(delta, "#EXT-X-SKIP") == ["#EXT-X-SKIP:SKIPPED-SEGMENTS=9"])
        #expect(self.lines(delta, "#EXT-X-MEDIA-SEQUENCE") == ["#EXT-X-MEDIA-SEQUENCE:0"])
        #expect(!delta.contains("EXT-X-MAP") && !delta.contains("\ns8.m4s") && delta.contains("\ns9.m4s"))
        // Put back, it is the whole.
        let whole = playlist.render()
        let head = delta.components(separatedBy: "#EXT-X-SKIP")[0]
        let tail = delta.components(separatedBy: "SKIPPED-SEGMENTS=9\n")[1]
        #expect(whole.hasPrefix(head) && whole.hasSuffix(tail))
        #expect(whole.dropFirst(head.count).dropLast(tail.count).components(separatedBy: "#EXTINF").count - 1 == 9)
    }

    @Test func whereNothingCanBeLeftOutADeltaUpdateIsTheWhole() {
        let short = self.playlist(last: 5, parts: 1)
        #expect(short.render(skips: true) == short.render())
        var ended = self.playlist(last: 14)
        ended.end()
        #expect(ended.render(skips: true) == ended.render())
    }

    @Test func aNewMapBehindTheBoundaryIsInTheDelta() {
        var playlist = self.playlist(last: 12)
        _ = playlist.append(self.segment(13, discontinuity: true, version: 1), programDateTimeMilliseconds: nil)
        let delta = playlist.render(skips: true)
        #expect(self.lines(delta, "#EXT-X-MAP") == ["#EXT-X-MAP:URI=\"i1.mp4\""])
        #expect(delta.contains("SKIPPED-SEGMENTS"))
    }

    @Test func aReportNamesTheNewestPart() throws {
        #expect(self.playlist(last: 3, parts: 2).report(uri: "x") == .init(uri: "x", lastSegment: 4, lastPart: 1))
        #expect(self.playlist(last: 3).report(uri: "x") == .init(uri: "x", lastSegment: 3, lastPart: 3))
        #expect(self.empty().report(uri: "x") == nil)
    }

    @Test func partsOfASegmentThatDoesNotComeToBeAreTakenBack() {
        var playlist = self.playlist(last: 3, parts: 2)
        playlist.dropOpenSegment()
        #expect(playlist.render() == self.playlist(last: 3).render())
        // A stray part of the dropped segment does not make a segment without a beginning.
        playlist.append(self.part(4, 2), programDateTimeMilliseconds: nil)
        #expect(playlist.render() == self.playlist(last: 3).render())
    }
}

extension String {
    fileprivate func components(separatedBy separator: String) -> [String] {
        var rest = self[...]
        var found: [String] = []
        while let range = rest.firstRange(of: separator) {
            found.append(String(rest[..<range.lowerBound]))
            rest = rest[range.upperBound...]
        }
        return found + [String(rest)]
    }
}

extension Substring {
    fileprivate func components(separatedBy separator: String) -> [String] { String(self).components(separatedBy: separator) }
}
