import AV
import Foundation
import Media
import NIOCore
import Testing

/// Everything a `FrameReader` gives of an input.
struct Reading {
    /// Each announcement of tracks.
    var announcements: [[Track]] = []
    /// How many frames came before each of them.
    var announcedAfter: [Int] = []
    var frames: [EncodedFrame] = []
    var skipped = 0

    var tracks: [Track] { self.announcements.first ?? [] }
    var video: [EncodedFrame] { self.frames.filter { $0.kind == .video } }
    var audio: [EncodedFrame] { self.frames.filter { $0.kind == .audio } }

    init(_ path: String, format: String? = nil, options: FrameReader.Options = .init()) throws {
        try self.init(FrameReader(Demuxer(path: path, format: format), options: options))
    }

    init(_ reader: FrameReader, atMost limit: Int = .max) throws {
        while self.frames.count < limit, let item = try reader.next() {
            switch item {
            case .tracks(let tracks):
                self.announcements.append(tracks)
                self.announcedAfter.append(self.frames.count)
            case .frame(let frame):
                self.frames.append(frame)
            }
        }
        self.skipped = reader.skipped
    }

    func track(_ kind: MediaKind) throws -> Track { try #require(self.tracks.first { $0.kind == kind }) }

    /// Decode time of the first frame, and time of the last frame's end when all are as long as `frame`.
    func span(_ kind: MediaKind, frame: Double) throws -> (start: Double, end: Double) {
        let frames = self.frames.filter { $0.kind == kind }
        return (try #require(frames.first).decodeTime.seconds, try #require(frames.last).decodeTime.seconds + frame)
    }

    /// Writes the frames into an mp4 by way of `Muxer`, for ffprobe and ffmpeg to look at.
    func write(_ path: String) throws {
        let muxer = try Muxer(
            format: "mp4", tracks: self.tracks, sink: FileSink(path: path, creation: .replacing), options: ["movflags": "+negative_cts_offsets"])
        var last: [Int: Int64] = [:]
        for frame in self.frames.sorted(by: { $0.decodeTime < $1.decodeTime }) {
            let index = try #require(self.tracks.firstIndex { $0.id == frame.track })
            let timescale = UInt32(muxer.timescale(of: index))
            let base = MediaTime(milliseconds: 1000)
            var decode = (frame.decodeTime + base).ticks(timescale: timescale)
            if let before = last[index], decode <= before { decode = before + 1 }
            last[index] = decode
            try muxer.writeInterleaved(
                Packet(
                    payload: frame.payload, streamIndex: index, decodeTime: decode,
                    presentationTime: max((frame.presentationTime + base).ticks(timescale: timescale), decode), duration: 0,
                    isKeyframe: frame.isKeyframe))
        }
        try muxer.finish()
    }
}

/// What ffprobe says of the packets of one stream, in decode order.
struct ProbedPacket {
    var presentation: Double?
    var decode: Double?
    var isKeyframe: Bool

    static func all(_ path: String, _ stream: String) throws -> [ProbedPacket] {
        try Clips.run(
            "ffprobe", ["-v", "error", "-select_streams", stream, "-show_entries", "packet=pts_time,dts_time,flags", "-of", "csv=p=0", path]
        )
        .split(separator: "\n").map { line in
            let fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
            return ProbedPacket(
                presentation: fields.first.flatMap(Double.init), decode: fields.count > 1 ? Double(fields[1]) : nil,
                isKeyframe: fields.count > 2 && fields[2].contains("K"))
        }
    }
}

extension Clips {
    /// `seconds` of a moving picture and a tone, by any encoders into any container.
    func clip(_ name: String, seconds: Double = 2, video: [String]?, audio: [String]?, size: String = "160x90", extra: [String] = []) throws -> String
    {
        var arguments = ["-v", "error", "-y"]
        if video != nil { arguments += ["-f", "lavfi", "-i", "testsrc2=size=\(size):rate=25:duration=\(seconds)"] }
        if audio != nil { arguments += ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=\(seconds)"] }
        let path = self.path(name)
        try Self.run("ffmpeg", arguments + (video ?? []) + (audio ?? []) + extra + [path])
        return path
    }
}

extension Encoders {
    static let h264WithoutBFrames = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "25", "-pix_fmt", "yuv420p"]
    static let vp8 = ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "25", "-pix_fmt", "yuv420p"]
    static let alaw = ["-c:a", "pcm_alaw", "-ar", "8000", "-ac", "1"]
    static let mulaw = ["-c:a", "pcm_mulaw", "-ar", "8000", "-ac", "1"]
    static let pcm = ["-c:a", "pcm_s16le", "-ar", "44100", "-ac", "2"]
}
