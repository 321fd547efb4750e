import AV
import Media
import NIOCore
import Testing

@Suite struct MuxerTests {
    struct Pair: Sendable, CustomStringConvertible {
        var video: [String]?
        var audio: [String]?
        /// As ffprobe names them.
        var codecs: [String]
        var description: String { self.codecs.joined(separator: "+") }
    }

    static let pairs = [
        Pair(video: Encoders.h264, audio: Encoders.aac, codecs: ["h264,avc1", "aac,mp4a"]),
        Pair(video: Encoders.h264, audio: Encoders.mp3, codecs: ["h264,avc1", "mp3,mp4a"]),
        Pair(video: Encoders.hevc, audio: Encoders.opus, codecs: ["hevc,hvc1", "opus,Opus"]),
        Pair(video: Encoders.av1, audio: Encoders.opus, codecs: ["av1,av01", "opus,Opus"]),
        Pair(video: Encoders.vp9, audio: Encoders.opus, codecs: ["vp9,vp09", "opus,Opus"]),
        Pair(video: nil, audio: Encoders.aac, codecs: ["aac,mp4a"]),
        Pair(video: Encoders.h264, audio: nil, codecs: ["h264,avc1"]),
    ]

    @Test(arguments: pairs) func everyCodecGoesThroughTracksIntoFragmentedMP4(pair: Pair) throws {
        let clips = try Clips()
        let source = try clips.make("source.mp4", video: pair.video, audio: pair.audio)
        let target = clips.path("target.mp4")
        let demuxer = try Demuxer(path: source)
        let tracks = demuxer.tracks
        #expect(tracks.count == pair.codecs.count)
        let muxer = try Muxer(
            format: "mp4", tracks: tracks, sink: try FileSink(path: target, creation: .exclusive),
            options: ["movflags": "+empty_moov+default_base_moof+frag_custom+frag_discont", "use_editlist": "0"])
        var frames = 0
        let packet = try Packet()
        while try demuxer.read(into: packet) {
            let index = packet.streamIndex
            let read = packet.frame(of: tracks[index], timescale: demuxer.streams[index].timescale)
            let frame = try #require(read)
            let timescale = UInt32(muxer.timescale(of: index))
            try muxer.write(
                Packet(
                    payload: frame.payload, streamIndex: index, decodeTime: frame.decodeTime.ticks(timescale: timescale) + 90_000,
                    presentationTime: frame.presentationTime.ticks(timescale: timescale) + 90_000, duration: 0, isKeyframe: frame.isKeyframe))
            frames += 1
            if frames % 40 == 0 { try muxer.flushFragment() }
        }
        try muxer.finish()
        #expect(try Clips.streams(target, "codec_name,codec_tag_string") == pair.codecs)
        let counted = try Clips.run(
            "ffprobe", ["-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", target])
        #expect(counted.split(separator: "\n").compactMap { Int($0) }.reduce(0, +) == frames)
        #expect(try Clips.decodingErrors(target) == "")
    }

    @Test(arguments: pairs) func remuxingGivesAPlainFileThatStartsAtZeroWithItsIndexInFront(pair: Pair) throws {
        let clips = try Clips()
        let source = try clips.make("source.mp4", video: pair.video, audio: (pair.audio ?? []) + ["-movflags", "+frag_keyframe+empty_moov"])
        let target = clips.path("target.mp4")
        let sink = try FileSink(path: target, creation: .exclusive)
        let result = try Remux.faststart(from: source, to: sink, path: target)
        #expect(result.packets > 40)
        #expect(result.skipped == 0)
        #expect(try boxes(target).prefix(2) == ["ftyp", "moov"])
        #expect(try Clips.decodingErrors(target) == "")
        // The source's video begins 80 ms after its sound where there are B-frames; that must not change.
        let starts = try Clips.streams(target, "start_time").compactMap(Double.init)
        let before = try Clips.streams(source, "start_time").compactMap(Double.init)
        #expect(try #require(starts.min()) == 0)
        #expect(zip(starts, before).allSatisfy { abs($0 - $1 + (before.min() ?? 0)) < 0.001 })
        let duration = try #require(try MediaProbe(path: target).duration)
        #expect(abs(duration.seconds - 2) < 0.1)
    }

    @Test func aFullDiskIsNamedAsSuchInTheSinksOwnWords() throws {
        let sink = MemorySink(capacity: 100_000)
        let track = Track(
            id: .audio, codec: .mp3, configuration: [], format: .audio(.init(sampleRate: 48_000, channelCount: 2, samplesPerPacket: 1152)))
        let muxer = try Muxer(format: "mp4", tracks: [track], sink: sink, options: ["movflags": "+empty_moov+frag_custom"])
        let failure = try #require(throws: AVFailure.self) {
            for index in 0..<10 {
                try muxer.write(
                    Packet(
                        payload: ByteBuffer(repeating: 1, count: 20_000), streamIndex: 0, decodeTime: Int64(index) * 1152,
                        presentationTime: Int64(index) * 1152, duration: 1152, isKeyframe: true))
                try muxer.flushFragment()
            }
        }
        #expect(failure.cause == .noSpace)
        #expect(failure.operation == "memory")
        #expect(sink.length <= 100_000)
    }

    @Test func offsetsBeyondFourGibibytesAreWrittenInSixtyFourBits() throws {
        let sink = MemorySink(capacity: Int64.max, keepsWritesUpTo: 1 << 20)
        let track = Track(
            id: .audio, codec: .mp3, configuration: [], format: .audio(.init(sampleRate: 48_000, channelCount: 2, samplesPerPacket: 1152)))
        let muxer = try Muxer(format: "mp4", tracks: [track], sink: sink)
        let payload = ByteBuffer(repeating: 1, count: 64 << 20)
        for index in 0..<66 {
            try muxer.write(
                Packet(
                    payload: payload, streamIndex: 0, decodeTime: Int64(index) * 1152, presentationTime: Int64(index) * 1152, duration: 1152,
                    isKeyframe: true))
        }
        try muxer.finish()
        #expect(sink.length > 4 << 30)
        #expect(sink.kept.contains("co64"))
        #expect(!sink.kept.contains("stco"))
    }

    @Test func anOptionNobodyKnowsIsRefused() throws {
        let track = Track(id: .audio, codec: .mp3, configuration: [], format: .audio(.init(sampleRate: 48_000, channelCount: 2)))
        let failure = try #require(throws: AVFailure.self) {
            _ = try Muxer(format: "mp4", tracks: [track], sink: MemorySink(capacity: 1 << 20), options: ["movflagz": "x"])
        }
        #expect(failure.cause == .unsupported)
        #expect(failure.text.contains("movflagz"))
    }

    @Test func aTrackWithoutItsConfigurationIsRefused() throws {
        let track = Track(id: .video, codec: .h264, configuration: [], format: .video(.init(width: 160, height: 90)))
        let failure = try #require(throws: AVFailure.self) {
            _ = try Muxer(format: "mp4", tracks: [track], sink: MemorySink(capacity: 1 << 20))
        }
        #expect(failure.cause == .invalidData)
    }

    @Test func aCancelledMuxerWritesNothingMore() throws {
        let interrupt = Interrupt()
        let track = Track(id: .audio, codec: .mp3, configuration: [], format: .audio(.init(sampleRate: 48_000, channelCount: 2)))
        let muxer = try Muxer(format: "mp4", tracks: [track], sink: MemorySink(capacity: 1 << 20), interrupt: interrupt)
        interrupt.cancel()
        let failure = try #require(throws: AVFailure.self) {
            try muxer.write(
                Packet(payload: ByteBuffer(bytes: [1]), streamIndex: 0, decodeTime: 0, presentationTime: 0, duration: 1, isKeyframe: true))
        }
        #expect(failure.cause == .cancelled)
    }
}

/// Holds only so much, then says that the disk is full. Large writes can be counted instead of kept.
final class MemorySink: ByteSink {
    private let capacity: Int64
    private let keepsWritesUpTo: Int
    private(set) var position: Int64 = 0
    private(set) var length: Int64 = 0
    /// The small writes, as text in which box names can be looked for.
    private(set) var kept = ""
    let isSeekable = true

    init(capacity: Int64, keepsWritesUpTo: Int = 0) {
        self.capacity = capacity
        self.keepsWritesUpTo = keepsWritesUpTo
    }

    func write(_ bytes: UnsafeRawBufferPointer) throws(AVFailure) {
        guard self.position + Int64(bytes.count) <= self.capacity else { throw .system("memory", errno: 28) }
        if bytes.count <= self.keepsWritesUpTo, !bytes.prefix(64).allSatisfy({ $0 == 1 }) {
            self.kept += String(decoding: bytes, as: Unicode.ASCII.self)
        }
        self.position += Int64(bytes.count)
        self.length = max(self.length, self.position)
    }

    func seek(to position: Int64) throws(AVFailure) { self.position = position }
}
