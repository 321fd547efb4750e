import Media
import NIOCore
import Packaging
import Testing

@Suite struct TrackExtractorTests {
    private func packaged(parts: Bool) throws -> Packaged {
        var configuration = Segmenter.Configuration()
        if parts { configuration.partDuration = MediaTime(milliseconds: 500) }
        let frames = Synthetic.merged(Synthetic.pictures(0, 8000, group: 2000, offset: 80), Synthetic.sounds(0, 8000))
        return try Packaged(frames, of: [Synthetic.video, Synthetic.audio], configuration: configuration)
    }

    @Test(arguments: [true, false]) func eachTrackAloneHasTheSamplesItHasInTheWhole(parts: Bool) throws {
        let packaged = try self.packaged(parts: parts)
        let whole = try packaged.movie
        for (index, track) in [Synthetic.video, Synthetic.audio].enumerated() {
            var file = Array(try TrackExtractor.initSegment(of: track).readableBytesView)
            for segment in packaged.segments { file += Array(try TrackExtractor.extract(track: index, from: segment.bytes).readableBytesView) }
            let alone = try Movie(file)
            #expect(alone.tracks.count == 1)
            #expect(alone.tracks[0].samples.count > 100)
            #expect(alone.tracks[0].samples.map(\.payload) == whole.tracks[index].samples.map(\.payload))
            #expect(alone.tracks[0].samples.map(\.decodeTicks) == whole.tracks[index].samples.map(\.decodeTicks))
        }
    }

    @Test func aTrackThatIsNotThereHasNothing() throws {
        let segment = try self.packaged(parts: false).segments[0].bytes
        let styp = segment.getSlice(at: segment.readerIndex, length: Int(try #require(segment.getInteger(at: segment.readerIndex, as: UInt32.self))))
        #expect(try TrackExtractor.extract(track: 7, from: segment) == styp)
    }

    @Test func whatIsCutShortOrBrokenIsMalformedAndNothingWorse() throws {
        let segment = try self.packaged(parts: false).segments[0].bytes
        for length in 1..<min(segment.readableBytes, 900) {
            let cut = try #require(segment.getSlice(at: segment.readerIndex, length: length))
            do throws(TrackExtractor.Failure) {
                // A cut between boxes is a shorter file; it must not have grown.
                #expect(try TrackExtractor.extract(track: 0, from: cut).readableBytes <= length)
            } catch {
                #expect(error == .malformed)
            }
        }
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            var broken = segment
            for _ in 0..<3 {
                broken.setInteger(
                    UInt8.random(in: 0 ... .max, using: &generator), at: broken.readerIndex + Int.random(in: 0..<600, using: &generator))
            }
            do throws(TrackExtractor.Failure) {
                #expect(try TrackExtractor.extract(track: 1, from: broken).readableBytes <= segment.readableBytes)
            } catch {
                #expect(error == .malformed)
            }
        }
    }
}
