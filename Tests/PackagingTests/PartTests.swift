import Media
import NIOCore
import Packaging
import Testing

@Suite struct PartTests {
    private func configuration() -> Segmenter.Configuration {
        var configuration = Segmenter.Configuration()
        configuration.partDuration = MediaTime(milliseconds: 500)
        return configuration
    }

    @Test func aSegmentIsTheConcatenationOfItsParts() throws {
        let frames = Synthetic.merged(Synthetic.pictures(0, 8000, group: 2000), Synthetic.sounds(0, 8000))
        let packaged = try Packaged(frames, of: [Synthetic.video, Synthetic.audio], configuration: self.configuration())
        for segment in packaged.segments {
            let own = packaged.parts.filter { $0.segmentNumber == segment.number }
            #expect(own.map(\.index) == Array(0..<own.count))
            #expect(own.map(\.bytes) == segment.parts.map(\.bytes))
            #expect(own.reduce(0) { $0 + $1.bytes.readableBytes } == segment.byteCount)
            #expect(own.reduce(MediaTime.zero) { $0 + $1.duration } == segment.duration)
            #expect(own[0].isIndependent && own[0].start == segment.start)
            #expect(!own.dropFirst().contains { $0.isIndependent })
        }
        #expect(try packaged.movie.tracks[0].samples.count == 200)
    }

    @Test func partsKeepToTheTargetAndFillMostOfIt() throws {
        let frames = Synthetic.merged(Synthetic.pictures(0, 20_000, group: 2000), Synthetic.sounds(0, 20_000))
        let packaged = try Packaged(frames, of: [Synthetic.video, Synthetic.audio], configuration: self.configuration())
        #expect(packaged.parts.allSatisfy { $0.duration <= MediaTime(milliseconds: 500) })
        // RFC 8216bis §4.4.4.9: all but a segment's last last at least 85 % of the target.
        for segment in packaged.segments {
            #expect(segment.parts.dropLast().allSatisfy { $0.duration >= MediaTime(milliseconds: 425) })
        }
    }

    @Test func audioAloneHasPartsToo() throws {
        let packaged = try Packaged(Synthetic.sounds(0, 6000), of: [Synthetic.audio], configuration: self.configuration())
        #expect(packaged.parts.count >= 12)
        #expect(packaged.parts.allSatisfy { $0.duration <= MediaTime(milliseconds: 500) && $0.isIndependent })
    }

    /// Groups of every length, sound apart and alone, a pause, pictures shown later than decoded.
    @Test(arguments: [true, false], [400, 2000, 5200, 30_000])
    func nothingComesOutWhileItIsQuiet(inParts: Bool, group: Int64) throws {
        var configuration = Segmenter.Configuration()
        configuration.partDuration = inParts ? MediaTime(milliseconds: 500) : nil
        let pictures = Synthetic.pictures(0, 20_000, group: group, offset: 80) + Synthetic.pictures(33_000, 45_000, group: group, offset: 40)
        let sounds = Synthetic.sounds(0, 40_000)
        for (frames, tracks) in [(Synthetic.merged(pictures, sounds), [Synthetic.video, Synthetic.audio]), (sounds, [Synthetic.audio])] {
            var segmenter = Segmenter(configuration: configuration)
            _ = try segmenter.setTracks(tracks)
            var quiet = 0
            for frame in frames {
                let until = segmenter.quietUntil
                let outputs = segmenter.append(frame)
                guard let until, frame.decodeTime < until, frame.kind == .audio || !frame.isKeyframe else { continue }
                #expect(outputs.isEmpty)
                quiet += 1
            }
            // Worth having: nearly all of them, but where a pause of the pictures is waited out.
            #expect(quiet > frames.count / 2)
        }
    }
}
