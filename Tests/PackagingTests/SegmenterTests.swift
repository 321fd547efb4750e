import Media
import NIOCore
import Packaging
import Testing

@Suite struct SegmenterTests {
    private static let both = [Synthetic.video, Synthetic.audio]

    @Test func segmentsBeginAtKeyframesOnceTheTargetIsReached() throws {
        let frames = Synthetic.merged(Synthetic.pictures(0, 9000, group: 1000), Synthetic.sounds(0, 9000))
        let packaged = try Packaged(frames, of: Self.both)
        #expect(packaged.inits.map(\.version) == [0])
        #expect(packaged.segments.map(\.number) == [0, 1, 2, 3, 4])
        #expect(packaged.durations.prefix(4) == [2000, 2000, 2000, 2000])
        #expect(abs(packaged.durations[4] - 1000) <= 24)
        #expect(packaged.segments.allSatisfy { $0.isIndependent && !$0.isDiscontinuity && $0.initVersion == 0 })
        #expect(packaged.segments.map(\.start.milliseconds) == [0, 2000, 4000, 6000, 8000])
        for segment in packaged.segments {
            let movie = try packaged.movie(of: segment)
            #expect(movie.tracks[0].samples[0].isSync)
            #expect(movie.tracks[0].samples[0].decodeTicks == segment.start.ticks(timescale: 90_000))
        }
    }

    @Test func aRenditionIsCutWhereItsSourceIs() throws {
        let cuts: [Int64: UInt64] = [2_000: 41, 3_000: 42, 7_000: 43]
        let lead: @Sendable (MediaTime) -> Segmenter.Lead = { time in
            time.milliseconds >= 9_000 ? .free : cuts[time.milliseconds].map { .begins($0) } ?? .continues
        }
        var configuration = Segmenter.Configuration()
        configuration.lead = lead
        configuration.takesLeadsNumber = true
        var segmenter = Segmenter(configuration: configuration)
        var outputs = try segmenter.setTracks([Synthetic.video])
        var told: [Int64: UInt64] = [:]
        for frame in Synthetic.pictures(0, 14_000, group: 1000, offset: 0) {
            outputs += segmenter.append(frame)
            if frame.isKeyframe { told[frame.decodeTime.milliseconds] = segmenter.number(ofSegmentBeginningAt: frame.presentationTime) }
        }
        outputs += segmenter.finish()
        let segments = outputs.compactMap { output -> Segment? in if case .segment(let segment) = output { segment } else { nil } }
        // What comes before the first common cut is left out; where nobody leads, the target counts.
        #expect(segments.map(\.start.milliseconds) == [2_000, 3_000, 7_000, 9_000, 11_000, 13_000])
        #expect(segments.map(\.number) == [41, 42, 43, 44, 45, 46])
        #expect(told == [2_000: 41, 3_000: 42, 7_000: 43, 9_000: 44, 11_000: 45, 13_000: 46])
    }

    @Test func nothingIsLostOrMovedBetweenInputAndFile() throws {
        let frames = Synthetic.merged(Synthetic.pictures(0, 10_000, group: 2000, offset: 80), Synthetic.sounds(0, 10_100))
        let packaged = try Packaged(frames, of: Self.both)
        let movie = try packaged.movie
        #expect(movie.tracks[0].samples.count == 250)
        #expect(movie.tracks[0].samples.map(\.decodeTicks) == (0..<250).map { $0 * 3600 })
        #expect(movie.tracks[0].samples.allSatisfy { $0.duration == 3600 || $0.duration == 3000 })
        #expect(movie.tracks[0].samples.allSatisfy { $0.compositionTicks == 7200 })
        // Audio before the first picture (at 80 ms) is dropped; after it samples follow each other without gap.
        let audio = movie.tracks[1].samples
        #expect(abs(audio[0].decodeTicks - 3528) < 1024)
        #expect(zip(audio, audio.dropFirst()).allSatisfy { $1.decodeTicks - $0.decodeTicks == 1024 })
        #expect(movie.fragmentNumbers == Array(1...UInt64(movie.fragmentNumbers.count)))
    }

    @Test func audioGoesToTheSideOfTheCutItIsHeardOn() throws {
        // Audio comes 300 ms later than video of the same time.
        let sounds = Synthetic.sounds(0, 8000).map { ($0.decodeTime.milliseconds + 300, $0) }
        let pictures = Synthetic.pictures(0, 8000, group: 2000).map { ($0.decodeTime.milliseconds, $0) }
        let frames = (sounds + pictures).sorted { $0.0 < $1.0 }.map(\.1)
        let packaged = try Packaged(frames, of: Self.both)
        #expect(packaged.segments.count == 4)
        for segment in packaged.segments {
            let audio = try packaged.movie(of: segment).tracks[1].samples
            let start = segment.start.ticks(timescale: 44_100)
            let first = try #require(audio.first)
            let last = try #require(audio.last)
            #expect(first.decodeTicks >= start - 1 && first.decodeTicks < start + 1024)
            #expect(last.decodeTicks < start + segment.duration.ticks(timescale: 44_100))
            #expect(last.decodeTicks + 1024 >= start + segment.duration.ticks(timescale: 44_100) - 1024)
        }
    }

    @Test func audioAheadOfTheFirstKeyframeIsKeptFromItOn() throws {
        let early = Synthetic.sounds(0, 500)
        let frames = early + Synthetic.merged(Synthetic.pictures(200, 4200, group: 2000), Synthetic.sounds(500, 4200))
        let packaged = try Packaged(frames, of: Self.both)
        let audio = try packaged.movie.tracks[1].samples
        #expect(abs(audio[0].decodeTicks - 8820) < 1024)
        #expect(packaged.segments[0].start == MediaTime(milliseconds: 200))
    }

    @Test func framesBeforeTheFirstKeyframeAreDropped() throws {
        var segmenter = Segmenter()
        _ = try segmenter.setTracks([Synthetic.video])
        #expect(segmenter.append(Synthetic.picture(0)).isEmpty)
        #expect(segmenter.append(Synthetic.picture(40)).isEmpty)
        #expect(segmenter.droppedFrames == 2)
        _ = segmenter.append(Synthetic.picture(80, key: true))
        _ = segmenter.append(Synthetic.sound(80))
        #expect(segmenter.droppedFrames == 3)
        var packaged = Packaged()
        packaged.add(segmenter.finish())
        #expect(packaged.segments.map(\.start.milliseconds) == [80])
    }

    @Test func aGroupLongerThanTheTargetMakesALongerSegment() throws {
        let packaged = try Packaged(Synthetic.pictures(0, 12_000, group: 4000), of: [Synthetic.video])
        #expect(packaged.durations.prefix(2) == [4000, 4000])
        #expect(packaged.segments.allSatisfy { $0.isIndependent })
    }

    @Test func aGroupLongerThanTheMaximumIsCutInsideAndResumesAtItsEnd() throws {
        var configuration = Segmenter.Configuration()
        configuration.maximumDuration = MediaPlaylist.longestSegment(targetSeconds: 2)
        let packaged = try Packaged(Synthetic.pictures(0, 16_600, group: 8300 / 40 * 40), of: [Synthetic.video], configuration: configuration)
        #expect(packaged.durations.allSatisfy { $0 <= 2499 })
        #expect(packaged.durations.reduce(0, +) == 16_600)
        #expect(packaged.segments.filter(\.isIndependent).map(\.start.milliseconds) == [0, 8280, 16_560])
        #expect(try packaged.movie.tracks[0].samples.count == 415)
    }

    @Test func tooManyBytesCutInsideTheGroup() throws {
        var configuration = Segmenter.Configuration()
        configuration.maximumBytes = 100_000
        let packaged = try Packaged(Synthetic.pictures(0, 8000, group: 4000, bytes: 5000), of: [Synthetic.video], configuration: configuration)
        #expect(packaged.segments.allSatisfy { $0.byteCount < 110_000 })
        #expect(packaged.segments.contains { !$0.isIndependent })
        #expect(try packaged.movie.tracks[0].samples.count == 200)
    }

    @Test func aSlightlyEarlyKeyframeStillEndsTheSegment() throws {
        let frames = [0, 1999, 3998, 6001].flatMap { start in
            (0..<50).map { Synthetic.picture(Int64(start) + Int64($0) * 39, key: $0 == 0) }
        }
        #expect(try Packaged(frames, of: [Synthetic.video]).durations.prefix(3) == [1999, 1999, 2003])
    }

    @Test func audioAloneIsCutAtTheTarget() throws {
        let packaged = try Packaged(Synthetic.sounds(0, 10_000), of: [Synthetic.audio])
        #expect(packaged.segments.count == 5)
        #expect(packaged.durations.dropLast().allSatisfy { abs($0 - 2000) < 120 })
        #expect(packaged.segments.allSatisfy { $0.isIndependent })
        let samples = try packaged.movie.tracks[0].samples
        #expect(samples.map(\.decodeTicks) == (0..<Int64(samples.count)).map { $0 * 1024 })
    }

    @Test func changedTracksMakeANewInitSegmentAndADiscontinuity() throws {
        var segmenter = Segmenter()
        var packaged = Packaged()
        packaged.add(try segmenter.setTracks([Synthetic.video]))
        for frame in Synthetic.pictures(0, 3000, group: 2000) { packaged.add(segmenter.append(frame)) }
        #expect(try segmenter.setTracks([Synthetic.video]).isEmpty)
        packaged.add(try segmenter.setTracks(Self.both))
        for frame in Synthetic.merged(Synthetic.pictures(3000, 5000, group: 2000), Synthetic.sounds(3000, 5000)) {
            packaged.add(segmenter.append(frame))
        }
        packaged.add(segmenter.finish())
        #expect(packaged.inits.map(\.version) == [0, 1])
        #expect(packaged.segments.map(\.initVersion) == [0, 0, 1])
        #expect(packaged.segments.map(\.isDiscontinuity) == [false, false, true])
        #expect(packaged.segments.map(\.start.milliseconds) == [0, 2000, 3000])
        #expect(try packaged.movie(of: packaged.segments[2]).tracks[1].samples.count > 80)
    }

    @Test func tracksThatCannotBeWrittenChangeNothing() throws {
        var segmenter = Segmenter()
        _ = try segmenter.setTracks([Synthetic.video])
        for frame in Synthetic.pictures(0, 1000, group: 1000) { _ = segmenter.append(frame) }
        let broken = Track(id: .audio, codec: .opus, configuration: [], format: .audio(AudioFormat(sampleRate: 48_000, channelCount: 2)))
        #expect(throws: PackagingError.configuration(.audio, .truncated)) { try segmenter.setTracks([Synthetic.video, broken]) }
        #expect(throws: PackagingError.noTracks) { try segmenter.setTracks([]) }
        var packaged = Packaged()
        packaged.add(segmenter.finish())
        #expect(packaged.segments.count == 1)
        #expect(segmenter.tracks == [Synthetic.video])
    }

    @Test func aDiscontinuityClosesTheSegmentAndWaitsForAKeyframe() throws {
        var segmenter = Segmenter()
        var packaged = Packaged()
        packaged.add(try segmenter.setTracks([Synthetic.video]))
        for frame in Synthetic.pictures(0, 1000, group: 2000) { packaged.add(segmenter.append(frame)) }
        packaged.add(segmenter.discontinuity())
        packaged.add(segmenter.append(Synthetic.picture(1000)))
        for frame in Synthetic.pictures(1040, 1500, group: 2000) { packaged.add(segmenter.append(frame)) }
        packaged.add(segmenter.finish())
        #expect(packaged.segments.map(\.isDiscontinuity) == [false, true])
        #expect(packaged.segments.map(\.start.milliseconds) == [0, 1040])
        #expect(packaged.inits.count == 1)
        #expect(segmenter.droppedFrames == 1)
    }

    @Test func numbersAndVersionsContinueWhereTheCallerSays() throws {
        var configuration = Segmenter.Configuration()
        configuration.firstSequenceNumber = 70
        configuration.firstInitVersion = 4
        configuration.startsWithDiscontinuity = true
        let packaged = try Packaged(Synthetic.pictures(0, 4000, group: 2000), of: [Synthetic.video], configuration: configuration)
        #expect(packaged.inits.map(\.version) == [4])
        #expect(packaged.segments.map(\.number) == [70, 71])
        #expect(packaged.segments.map(\.isDiscontinuity) == [true, false])
    }
}
