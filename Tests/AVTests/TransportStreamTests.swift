import AV
import Foundation
import Media
import NIOCore
import Testing

/// Frames to a transport stream in memory, and bytes in memory to frames.
@Suite struct TransportStreamTests {
    private let clips: Clips

    init() throws { self.clips = try Clips() }

    /// All pieces of a file's frames.
    private func pieces(of reading: Reading, _ feed: TransportStreamFeed = TransportStreamFeed()) throws -> [TransportStreamFeed.Piece] {
        try feed.begin(reading.tracks)
        return reading.frames.compactMap { feed.write($0) }
    }

    private func write(_ pieces: some Sequence<TransportStreamFeed.Piece>, to name: String) throws -> String {
        let path = self.clips.path(name)
        try pieces.reduce(into: Data()) { $0.append(contentsOf: $1.bytes.readableBytesView) }.write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test(arguments: [
        (Encoders.h264, Encoders.aac, ["h264", "aac"]), (Encoders.hevc, Encoders.opus, ["hevc", "opus"]),
        (Encoders.h264, Encoders.mp3, ["h264", "mp3"]),
    ])
    func whatIsWrittenIsReadByFFmpegFrameByFrame(video: [String], audio: [String], codecs: [String]) throws {
        let reading = try Reading(try self.clips.make("in.mkv", seconds: 3, video: video, audio: audio))
        let pieces = try self.pieces(of: reading)
        #expect(pieces.allSatisfy { $0.bytes.readableBytes % 188 == 0 && $0.bytes.getInteger(at: 0, as: UInt8.self) == 0x47 })
        let path = try self.write(pieces, to: "out.ts")
        // ffprobe tells them of the program as well.
        #expect(try Clips.streams(path, "codec_name").prefix(2) == codecs[...])
        #expect(try Clips.decodingErrors(path) == "")
        let back = try Reading(path)
        #expect(back.video.count == reading.video.count)
        // As far apart as they were, on a clock of 90 kHz.
        for (one, other) in zip(reading.video, back.video) {
            #expect(abs((one.decodeTime - reading.video[0].decodeTime - (other.decodeTime - back.video[0].decodeTime)).microseconds) <= 1_000)
        }
    }

    @Test func everyStartIsAWholeStreamOfItsOwn() throws {
        let reading = try Reading(try self.clips.make("in.mkv", seconds: 3, video: Encoders.h264, audio: Encoders.aac))
        let pieces = try self.pieces(of: reading)
        let starts = pieces.indices.filter { pieces[$0].isStart }
        #expect(starts.count == 3, "one for each keyframe")
        for start in starts {
            // Service description, program association and program map come first.
            let tables = (0..<3).compactMap { pieces[start].bytes.getInteger(at: $0 * 188, as: UInt32.self) }.map { $0 >> 8 & 0x1FFF }
            #expect(tables == [0x11, 0, 0x1000])
            let path = try self.write(pieces[start...], to: "from-\(start).ts")
            #expect(try Clips.streams(path, "codec_name").prefix(2) == ["h264", "aac"])
            #expect(try Clips.decodingErrors(path) == "")
            #expect(try Reading(path).video.first?.isKeyframe == true)
        }
    }

    /// Other parameter sets make another muxer, which counts its packets from 0 on.
    @Test func otherTracksOnTheSamePIDsAreNoLoss() throws {
        let first = try Reading(try self.clips.make("in.mkv", seconds: 2, video: Encoders.h264, audio: Encoders.aac))
        let second = try Reading(try self.clips.make("other.mkv", seconds: 2, video: Encoders.h264 + ["-s", "320x180"], audio: Encoders.aac))
        let feed = TransportStreamFeed()
        var pieces = try self.pieces(of: first, feed)
        let cut = pieces.count
        try feed.begin(second.tracks)
        for frame in second.frames {
            var later = frame
            later.decodeTime += MediaTime(milliseconds: 2_000)
            if let piece = feed.write(later) { pieces.append(piece) }
        }
        #expect(pieces.count > cut + 50)
        let path = try self.write(pieces, to: "both.ts")
        let told = try Clips.run("ffmpeg", ["-hide_banner", "-loglevel", "debug", "-i", path, "-f", "null", "-"])
        #expect(told.contains("mpegts"), "it tells what it reads")
        #expect(!told.contains("Continuity check failed"), "\(told.split(separator: "\n").filter { $0.contains("Continuity") })")
        #expect(!told.contains("corrupt"))
        // Without the mark it would be told, unless by chance.
        let marked = pieces[cut...].flatMap { piece in
            stride(from: 0, to: piece.bytes.readableBytes, by: 188).filter { start in
                let bytes = Array(piece.bytes.readableBytesView.dropFirst(start).prefix(6))
                return bytes[3] & 0x20 != 0 && bytes[4] > 0 && bytes[5] & 0x80 != 0
            }
        }
        #expect(marked.count >= 4, "tables, pictures and sound")
    }

    @Test func nothingGoesOutBeforeAKeyframeNorAfterASkip() throws {
        let reading = try Reading(try self.clips.make("in.mkv", seconds: 2, video: Encoders.h264, audio: Encoders.aac))
        let feed = TransportStreamFeed()
        try feed.begin(reading.tracks)
        let rest = Array(reading.frames.drop { $0.kind == .audio || $0.isKeyframe })
        #expect(rest.prefix { !($0.kind == .video && $0.isKeyframe) }.allSatisfy { feed.write($0) == nil })
        let keyframe = try #require(rest.first { $0.kind == .video && $0.isKeyframe })
        #expect(feed.write(keyframe)?.isStart == true)
        feed.skip()
        var late = try #require(rest.last { $0.kind == .video })
        late.decodeTime += MediaTime(milliseconds: 1_000)
        #expect(feed.write(late) == nil)
    }

    /// A few packets of sound share one of the stream's; the last of them would be lost where something else follows.
    @Test func soundThatIsHeldBackIsGivenOutWhenItIsAskedFor() throws {
        let reading = try Reading(try self.clips.make("in.mp4", seconds: 2, video: Encoders.h264, audio: Encoders.aac))
        let sounds = reading.audio.count
        var counts: [Int] = []
        for isAsked in [false, true] {
            let feed = TransportStreamFeed()
            var pieces = try self.pieces(of: reading, feed)
            if isAsked {
                let rest = try #require(feed.rest())
                #expect(rest.kind == .audio && !rest.isStart && rest.bytes.readableBytes % 188 == 0)
                pieces.append(rest)
                #expect(feed.rest() == nil, "it was all")
            }
            counts.append(try Reading(try self.write(pieces, to: "out\(isAsked).ts")).audio.count)
        }
        #expect(counts[0] < sounds - 1 && counts[1] >= sounds - 1, "\(counts) of \(sounds)")
    }

    @Test func soundAloneCanBeJoinedTwiceASecond() throws {
        let reading = try Reading(try self.clips.make("in.mka", seconds: 3, video: nil, audio: Encoders.aac))
        let pieces = try self.pieces(of: reading)
        let starts = pieces.filter(\.isStart)
        #expect((5...7).contains(starts.count))
        #expect(try Clips.decodingErrors(try self.write(pieces, to: "out.ts")) == "")
    }

    @Test func whatATransportStreamCannotCarryIsLeftOutAndTold() throws {
        let reading = try Reading(try self.clips.make("in.mkv", seconds: 1, video: Encoders.vp9, audio: Encoders.opus))
        let feed = TransportStreamFeed()
        let pieces = try self.pieces(of: reading, feed)
        #expect(feed.leftOut == [.vp9])
        #expect(!pieces.isEmpty && pieces.allSatisfy { $0.kind == .audio })
    }

    @Test(arguments: [1, 188, 1_316, 100_000]) func aDemuxerReadsWhatASourceGivesInAnyPieces(size: Int) throws {
        let path = try self.clips.make("in.ts", seconds: 2, video: Encoders.h264, audio: Encoders.aac)
        let whole = try Reading(path)
        let source = MemorySource(Array(try Data(contentsOf: URL(fileURLWithPath: path))), pieces: size)
        let demuxer = try Demuxer(source, format: "mpegts", analyzeDuration: .milliseconds(400), interrupt: Interrupt())
        let pieces = try Reading(FrameReader(demuxer))
        #expect(pieces.video.map(\.decodeTime) == whole.video.map(\.decodeTime))
        #expect(pieces.video.map(\.payload) == whole.video.map(\.payload))
        #expect(pieces.audio.map(\.payload) == whole.audio.map(\.payload))
        // Several packets of sound share a time; what lies between is rounded in other places.
        for (one, other) in zip(pieces.audio, whole.audio) { #expect(abs((one.decodeTime - other.decodeTime).microseconds) <= 50) }
        #expect(try pieces.track(.audio).configuration == whole.track(.audio).configuration)
    }

    @Test func theFailureOfASourceIsToldInItsOwnWords() throws {
        let failure = AVFailure(cause: .timedOut, operation: "read", text: "nothing came")
        let source = MemorySource([], pieces: 1, failure: failure)
        #expect(throws: AVFailure.self) {
            try FrameReader(Demuxer(source, format: "mpegts", analyzeDuration: .milliseconds(400), interrupt: Interrupt()))
        }
        #expect(source.reads <= 2, "it is not asked again")
    }
}

private final class MemorySource: ByteSource {
    private var bytes: ArraySlice<UInt8>
    private let size: Int
    private let failure: AVFailure?
    private(set) var reads = 0

    init(_ bytes: [UInt8], pieces size: Int, failure: AVFailure? = nil) {
        self.bytes = bytes[...]
        self.size = size
        self.failure = failure
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(AVFailure) -> Int {
        self.reads += 1
        if let failure { throw failure }
        let piece = self.bytes.prefix(min(self.size, buffer.count))
        buffer.copyBytes(from: piece)
        self.bytes = self.bytes.dropFirst(piece.count)
        return piece.count
    }
}
