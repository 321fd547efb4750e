import Media
import NIOCore
import Packaging
import Testing

/// What must hold for any order of frames, however odd: tried with thousands of seeded ones.
@Suite struct SegmenterPropertyTests {
    private static let tracks = [
        [Synthetic.video, Synthetic.audio], [Synthetic.video], [Synthetic.audio],
        [
            Synthetic.video, Synthetic.audio,
            Track(id: TrackID(rawValue: 2), codec: .mp3, configuration: [], format: .audio(AudioFormat(sampleRate: 48_000, channelCount: 2))),
        ],
    ]

    /// A stream that stalls, jumps, loses keyframes and changes its mind.
    private struct OddStream {
        var numbers: SeededNumbers
        var clock: [Int64] = [0, 0, 0]

        mutating func frame() -> EncodedFrame {
            let track = Int.random(in: 0...2, using: &self.numbers)
            let step: Int64 =
                switch Int.random(in: 0..<400, using: &self.numbers) {
                case 0: Int64.random(in: -3000...20_000, using: &self.numbers)
                case 1: 0
                default: Int64.random(in: 10...40, using: &self.numbers)
                }
            self.clock[track] += step
            // Mostly the tracks stay together.
            if Int.random(in: 0..<20, using: &self.numbers) == 0 { self.clock[track] = self.clock.max() ?? 0 }
            return EncodedFrame(
                track: TrackID(rawValue: UInt8(track)), kind: track == 0 ? .video : .audio,
                isKeyframe: track > 0 || Int.random(in: 0..<50, using: &self.numbers) == 0, decodeTime: MediaTime(milliseconds: self.clock[track]),
                compositionOffset: MediaTime(milliseconds: track == 0 ? Int64.random(in: -20...80, using: &self.numbers) : 0),
                payload: ByteBuffer(repeating: 7, count: Int.random(in: 0...60, using: &self.numbers)))
        }
    }

    @Test(arguments: 0..<24)
    func everyFrameIsInOneSegmentOrCountedAndNoSegmentIsTooLong(seed: Int) throws {
        var stream = OddStream(numbers: SeededNumbers(seed: UInt64(seed) &* 7919 &+ 3))
        var configuration = Segmenter.Configuration()
        configuration.maximumDuration = MediaTime(milliseconds: 2499)
        configuration.maximumBytes = seed % 5 == 0 ? 2_000 : 1 << 20
        configuration.partDuration = seed % 3 == 0 ? MediaTime(milliseconds: 500) : nil
        var segmenter = Segmenter(configuration: configuration)
        var packaged = Packaged()
        packaged.add(try segmenter.setTracks(Self.tracks[seed % 4]))
        let count = 3000
        for index in 0..<count {
            packaged.add(segmenter.append(stream.frame()))
            if index % 700 == 699 { packaged.add(segmenter.discontinuity()) }
            if index % 1100 == 1099 { packaged.add(try segmenter.setTracks(Self.tracks[(seed + index) % 4])) }
        }
        packaged.add(segmenter.finish())

        var samples = 0
        for segment in packaged.segments { samples += try packaged.movie(of: segment).tracks.reduce(0) { $0 + $1.samples.count } }
        #expect(samples + segmenter.droppedFrames == count)
        #expect(samples > 100)
        #expect(packaged.segments.allSatisfy { $0.duration > .zero && $0.duration.milliseconds <= 2499 })
        #expect(packaged.segments.map(\.number) == (0..<UInt64(packaged.segments.count)).map { $0 })
        for (segment, next) in zip(packaged.segments, packaged.segments.dropFirst()) where !next.isDiscontinuity {
            #expect(segment.start + segment.duration == next.start)
        }
        for segment in packaged.segments where segment.isIndependent {
            let movie = try packaged.movie(of: segment)
            guard let first = movie.tracks.first(where: { $0.handler == "vide" })?.samples.first else { continue }
            #expect(first.isSync)
        }
        let isInParts = configuration.partDuration != nil
        #expect(packaged.parts.count == (isInParts ? packaged.segments.reduce(0) { $0 + $1.parts.count } : 0))
    }
}

/// xorshift64*: the same numbers in every run.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { self.state = seed | 1 }

    mutating func next() -> UInt64 {
        self.state ^= self.state >> 12
        self.state ^= self.state << 25
        self.state ^= self.state >> 27
        return self.state &* 2_685_821_657_736_338_717
    }
}
