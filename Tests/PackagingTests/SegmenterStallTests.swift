import Media
import NIOCore
import Packaging
import Testing

/// One track pauses, comes late, or everything does.
@Suite struct SegmenterStallTests {
    private static let both = [Synthetic.video, Synthetic.audio]

    /// How far a segment comes out behind the frame that begins the next one.
    private func delays(_ frames: [EncodedFrame], tracks: [Track]) throws -> [Int64] {
        var segmenter = Segmenter()
        var delays: [Int64] = []
        _ = try segmenter.setTracks(tracks)
        for frame in frames {
            for case .segment(let segment) in segmenter.append(frame) {
                delays.append((frame.decodeTime - (segment.start + segment.duration)).milliseconds)
            }
        }
        return delays
    }

    @Test func aSegmentComesOutAsSoonAsAudioHasReachedItsEnd() throws {
        let frames = Synthetic.merged(Synthetic.pictures(0, 20_000, group: 2000), Synthetic.sounds(0, 20_000))
        let delays = try self.delays(frames, tracks: Self.both)
        #expect(delays.count >= 8)
        #expect(delays.allSatisfy { $0 >= 0 && $0 < 24 })
    }

    @Test func silentAudioHoldsNothingUp() throws {
        let frames = Synthetic.merged(Synthetic.pictures(0, 20_000, group: 2000), Synthetic.sounds(0, 3000))
        let delays = try self.delays(frames, tracks: Self.both)
        #expect(delays.count == 9)
        // The one cut that audio stopped just before of was waited for, the others not.
        #expect(delays.filter { $0 > 40 }.count <= 1)
        #expect(delays.allSatisfy { $0 <= 1080 })
    }

    @Test func videoThatPausesLeavesAudioGoing() throws {
        let pictures = Synthetic.pictures(0, 3000, group: 2000) + Synthetic.pictures(20_000, 24_000, group: 2000)
        let frames = Synthetic.merged(pictures, Synthetic.sounds(0, 24_000))
        let packaged = try Packaged(frames, of: Self.both)
        #expect(packaged.durations.allSatisfy { $0 <= 6000 })
        #expect(packaged.segments.filter(\.isDiscontinuity).isEmpty)
        // The picture that ends the pause begins a segment.
        #expect(packaged.segments.contains { $0.start == MediaTime(milliseconds: 20_000) && $0.isIndependent })
        #expect(zip(packaged.segments, packaged.segments.dropFirst()).allSatisfy { $0.start + $0.duration == $1.start })
        let movie = try packaged.movie
        #expect(movie.tracks[0].samples.count == pictures.count)
        #expect(movie.tracks[1].samples.count == Synthetic.sounds(0, 24_000).count)
        #expect(movie.tracks[0].samples.allSatisfy { $0.duration <= 3600 })
    }

    @Test func videoThatResumesInsideItsGroupIsNotCalledIndependent() throws {
        let later = Synthetic.pictures(15_000, 18_000, group: 100_000).map { frame in
            var frame = frame
            frame.isKeyframe = false
            return frame
        }
        let frames = Synthetic.merged(Synthetic.pictures(0, 3000, group: 2000) + later, Synthetic.sounds(0, 18_000))
        let packaged = try Packaged(frames, of: Self.both)
        let holding = try packaged.segments.filter {
            try !packaged.movie(of: $0).tracks[0].samples.isEmpty && $0.start >= MediaTime(milliseconds: 12_000)
        }
        #expect(!holding.isEmpty)
        #expect(holding.allSatisfy { !$0.isIndependent })
    }

    @Test func videoThatNeverComesIsNotWaitedForForEver() throws {
        let packaged = try Packaged(Synthetic.sounds(0, 30_000), of: Self.both)
        #expect(packaged.segments.count >= 10)
        #expect(packaged.durations.allSatisfy { $0 <= 6000 })
        #expect(try packaged.movie.tracks[1].samples.count == Synthetic.sounds(0, 30_000).count)
    }

    @Test func everythingPausingForLongIsADiscontinuity() throws {
        let first = Synthetic.merged(Synthetic.pictures(0, 3000, group: 2000), Synthetic.sounds(0, 3000))
        let second = Synthetic.merged(Synthetic.pictures(60_000, 63_000, group: 2000), Synthetic.sounds(60_000, 63_000))
        for order in [first + second, first + [Synthetic.sound(59_990)] + second] {
            let packaged = try Packaged(order, of: Self.both)
            #expect(packaged.segments.map(\.start.milliseconds) == [0, 2000, 60_000, 62_000])
            #expect(packaged.segments.map(\.isDiscontinuity) == [false, false, true, false])
            #expect(packaged.durations.allSatisfy { $0 <= 2100 })
        }
    }

    @Test func timesOfADistantFutureEndInOneStepAndNotInMillionsOfSegments() throws {
        let frames = Synthetic.sounds(0, 8000) + [Synthetic.sound(1 << 50)] + [Synthetic.sound((1 << 50) + 23)]
        let packaged = try Packaged(frames, of: Self.both)
        #expect(packaged.segments.count < 10)
    }

    @Test func whatWaitsStaysBounded() throws {
        var configuration = Segmenter.Configuration()
        configuration.maximumBytes = 1_000_000
        var segmenter = Segmenter(configuration: configuration)
        _ = try segmenter.setTracks(Self.both)
        var bytesIn = 0
        var bytesOut = 0
        var most = 0
        // One endless group and no audio.
        for index in 0..<20_000 {
            let frame = Synthetic.picture(Int64(index) * 40, key: index == 0, bytes: 10_000)
            bytesIn += 10_000
            for case .segment(let segment) in segmenter.append(frame) { bytesOut += segment.byteCount }
            most = max(most, bytesIn - bytesOut)
        }
        #expect(most < 1_100_000)
    }

    @Test func framesOfUnknownTracksAndBrokenOpusAreCounted() throws {
        let opus = Track(
            id: .audio, codec: .opus, configuration: [UInt8]("OpusHead".utf8) + [1, 2, 0, 0, 0x80, 0xBB, 0, 0, 0, 0, 0],
            format: .audio(AudioFormat(sampleRate: 48_000, channelCount: 2)))
        var segmenter = Segmenter()
        _ = try segmenter.setTracks([opus])
        var empty = Synthetic.sound(0)
        empty.payload = ByteBuffer()
        #expect(segmenter.append(empty).isEmpty)
        #expect(segmenter.append(Synthetic.sound(0, track: TrackID(rawValue: 9))).isEmpty)
        #expect(segmenter.droppedFrames == 2)
    }
}
