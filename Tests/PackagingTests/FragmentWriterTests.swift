import Media
import NIOCore
import Packaging
import Testing

@Suite struct FragmentWriterTests {
    private static let opus = Track(
        id: .audio, codec: .opus, configuration: [UInt8]("OpusHead".utf8) + [1, 2, 0x38, 0x01, 0x80, 0xBB, 0, 0, 0, 0, 0],
        format: .audio(AudioFormat(sampleRate: 48_000, channelCount: 2)))
    private static let mp3 = Track(
        id: .audio, codec: .mp3, configuration: [], format: .audio(AudioFormat(sampleRate: 44_100, channelCount: 2, samplesPerPacket: 1152)))

    private func sample(_ byte: UInt8, count: Int, duration: UInt32 = 3000, offset: Int32 = 0, isSync: Bool = false) -> FragmentRun.Sample {
        .init(duration: duration, compositionOffset: offset, isSync: isSync, payload: ByteBuffer(repeating: byte, count: count))
    }

    @Test func theInitSegmentDescribesEveryTrack() throws {
        let writer = try FragmentWriter(tracks: [Synthetic.video, Synthetic.audio])
        let movie = try Movie(Array(writer.initSegment.readableBytesView))
        #expect(movie.topLevel == ["ftyp", "moov"])
        #expect(movie.tracks.map(\.number) == [1, 2])
        #expect(movie.tracks.map(\.handler) == ["vide", "soun"])
        #expect(movie.tracks.map(\.timescale) == [90_000, 44_100])
        #expect(movie.tracks.map(\.entry.type) == ["avc1", "mp4a"])
        #expect(movie.tracks[0].entry.body.uint(24, 2) == 1280)
        #expect(movie.tracks[0].entry.body.uint(26, 2) == 720)
        #expect(try movie.tracks[0].configuration().body == Synthetic.video.configuration)
        #expect(try Clip.specificConfiguration(movie.tracks[1].configuration().body) == Synthetic.audio.configuration)
        let moov = try Box.list(writer.initSegment.readableBytesView)[1]
        #expect(try moov.find("mvex").children().map(\.type) == ["trex", "trex"])
    }

    /// ISO/IEC 14496-12 §8.3.2: row by row; what is turned is moved back to where it was.
    @Test(
        arguments: [
            (PictureTurn.none, [1, 0, 0, 0, 1, 0, 0, 0]), (.quarter, [0, 1, 0, -1, 0, 0, 720, 0]), (.half, [-1, 0, 0, 0, -1, 0, 1280, 720]),
            (.threeQuarters, [0, -1, 0, 1, 0, 0, 0, 1280]),
        ] as [(PictureTurn, [Int32])])
    func theInitSegmentSaysWhichWayUpItsPicturesAre(turn: PictureTurn, matrix: [Int32]) throws {
        let writer = try FragmentWriter(tracks: [Synthetic.video.turned(turn), Synthetic.audio])
        let moov = try Box.list(writer.initSegment.readableBytesView)[1]
        let headers = try moov.children().filter { $0.type == "trak" }.map { try $0.find("tkhd").body }
        func numbers(_ header: [UInt8]) -> [UInt32] { (0..<9).map { UInt32(header.uint(40 + $0 * 4, 4)) } }
        #expect(numbers(headers[0]) == matrix.map { UInt32(bitPattern: $0 << 16) } + [0x4000_0000])
        #expect(numbers(headers[1]) == [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000], "sound has no way up")
        #expect(headers[0].uint(76, 4) == 1280 << 16 && headers[0].uint(80, 4) == 720 << 16, "the size is that before")
    }

    @Test func opusIsDescribedInBigEndian() throws {
        let writer = try FragmentWriter(tracks: [Self.opus])
        let movie = try Movie(Array(writer.initSegment.readableBytesView))
        #expect(movie.tracks[0].entry.type == "Opus")
        let box = try movie.tracks[0].configuration()
        #expect(box.type == "dOps")
        #expect(box.body == [0, 2, 0x01, 0x38, 0, 0, 0xBB, 0x80, 0, 0, 0])
    }

    @Test func mp3HasItsOwnObjectTypeAndNoConfiguration() throws {
        let writer = try FragmentWriter(tracks: [Self.mp3])
        let movie = try Movie(Array(writer.initSegment.readableBytesView))
        let esds = try movie.tracks[0].configuration().body
        #expect(esds.contains(0x6B))
        #expect(try Clip.specificConfiguration(esds) == nil)
    }

    @Test func samplesComeBackAsTheyWentIn() throws {
        var writer = try FragmentWriter(tracks: [Synthetic.video, Synthetic.audio])
        var buffer = writer.initSegment
        let start = UInt64(1) << 33
        try buffer.writeFragment(
            writer.makeFragment([
                FragmentRun(
                    trackIndex: 0, startTicks: start,
                    samples: [
                        self.sample(1, count: 50, offset: 6000, isSync: true), self.sample(2, count: 7, duration: 3003, offset: -3000),
                        self.sample(3, count: 0),
                    ]),
                FragmentRun(trackIndex: 1, startTicks: 99, samples: [self.sample(4, count: 5, duration: 1024, isSync: true)]),
            ]))
        let movie = try Movie(Array(buffer.readableBytesView))
        #expect(movie.topLevel == ["ftyp", "moov", "moof", "mdat"])
        let video = movie.tracks[0].samples
        #expect(video.map(\.decodeTicks) == [Int64(start), Int64(start) + 3000, Int64(start) + 6003])
        #expect(video.map(\.compositionTicks) == [6000, -3000, 0])
        #expect(video.map(\.isSync) == [true, false, false])
        #expect(video.map(\.payload) == [[UInt8](repeating: 1, count: 50), [UInt8](repeating: 2, count: 7), []])
        let audio = movie.tracks[1].samples
        #expect(audio.map(\.decodeTicks) == [99])
        #expect(audio.map(\.payload) == [[4, 4, 4, 4, 4]])
        #expect(audio[0].isSync)
    }

    @Test func fragmentsAreNumberedAndEmptyOnesNotWritten() throws {
        var writer = try FragmentWriter(tracks: [Synthetic.audio])
        var buffer = writer.initSegment
        let run = FragmentRun(trackIndex: 0, startTicks: 0, samples: [self.sample(1, count: 1)])
        try buffer.writeFragment(writer.makeFragment([run]))
        #expect(writer.makeFragment([])?.byteCount == nil)
        #expect(writer.makeFragment([FragmentRun(trackIndex: 7, startTicks: 0, samples: run.samples)])?.byteCount == nil)
        try buffer.writeFragment(writer.makeFragment([run]))
        #expect(try Movie(Array(buffer.readableBytesView)).fragmentNumbers == [1, 2])
    }

    @Test func tracksThatCannotBeDescribedAreRefused() {
        #expect(throws: PackagingError.noTracks) { try FragmentWriter(tracks: []) }
        var broken = Self.opus
        broken.configuration = [1, 2, 3]
        #expect(throws: PackagingError.configuration(.audio, .truncated)) { try FragmentWriter(tracks: [broken]) }
    }
}

extension ByteBuffer {
    fileprivate mutating func writeFragment(_ fragment: Fragment?) throws {
        let fragment = try #require(fragment)
        self.writeWithUnsafeMutableBytes(minimumWritableBytes: fragment.byteCount) { memory in
            fragment.copy(into: UnsafeMutableRawBufferPointer(rebasing: memory[..<fragment.byteCount]))
            return fragment.byteCount
        }
    }
}
