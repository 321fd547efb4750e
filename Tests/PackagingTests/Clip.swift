import Foundation
import Media
import NIOCore
import Testing

/// Frames of a real encoder: FFmpeg writes a fragmented MP4, our own reader takes it apart.
struct Clip {
    let tracks: [Track]
    /// As a hub gives them: ordered by decode time, RTMP's whole milliseconds.
    let frames: [EncodedFrame]

    static let picture = ["-f", "lavfi", "-i", "testsrc2=size=334x190:rate=30"]
    static let tone = ["-f", "lavfi", "-i", "sine=frequency=1000:sample_rate=44100"]

    init(_ inputs: [String], codecs: [String], seconds: Int) throws {
        let folder = try ScratchFolder()
        let file = folder.path("clip.mp4")
        try Tool.run(
            "ffmpeg",
            ["-loglevel", "error", "-y"] + inputs + codecs
                + ["-t", "\(seconds)", "-movflags", "+frag_keyframe+empty_moov+default_base_moof", file])
        let movie = try Movie(Array(try Data(contentsOf: URL(fileURLWithPath: file))))
        var tracks: [Track] = []
        var frames: [EncodedFrame] = []
        for trak in movie.tracks {
            let id: TrackID = trak.handler == "vide" ? .video : .audio
            let track = try Self.track(trak, id: id)
            tracks.append(track)
            for sample in trak.samples {
                let decode = MediaTime(ticks: sample.decodeTicks, timescale: UInt32(trak.timescale))
                let offset = MediaTime(ticks: sample.compositionTicks, timescale: UInt32(trak.timescale))
                frames.append(
                    EncodedFrame(
                        track: id, kind: track.kind, isKeyframe: track.kind == .audio || sample.isSync,
                        decodeTime: MediaTime(milliseconds: decode.milliseconds), compositionOffset: MediaTime(milliseconds: offset.milliseconds),
                        payload: ByteBuffer(bytes: sample.payload)))
            }
        }
        self.tracks = tracks
        self.frames = frames.enumerated().sorted {
            ($0.element.decodeTime, $0.offset) < ($1.element.decodeTime, $1.offset)
        }.map(\.element)
    }

    private static func track(_ trak: Movie.Trak, id: TrackID) throws -> Track {
        let box = try trak.configuration()
        switch trak.entry.type {
        case "avc1": return try Track(id: id, codec: .h264, configuration: box.body)
        case "hvc1", "hev1": return try Track(id: id, codec: .hevc, configuration: box.body)
        case "av01":
            let bare = try Track(id: id, codec: .av1, configuration: box.body)
            return try trak.samples.first.flatMap { try bare.refreshed(byKeyframe: ByteBuffer(bytes: $0.payload)) } ?? bare
        case "vp09":
            let bare = try Track(id: id, codec: .vp9, configuration: box.body)
            return try trak.samples.first.flatMap { try bare.refreshed(byKeyframe: ByteBuffer(bytes: $0.payload)) } ?? bare
        case "Opus":
            // The identification header has dOps's fields in the other byte order (RFC 7845 §5.1).
            let body = box.body
            let head =
                [UInt8]("OpusHead".utf8) + [1, body[1]] + body[2..<4].reversed() + body[4..<8].reversed() + body[8..<10].reversed() + body[10...]
            return try Track(id: id, codec: .opus, configuration: head)
        case "mp4a":
            guard let specific = try Self.specificConfiguration(box.body) else {
                return try Track(id: id, mp3Frame: trak.samples.first?.payload ?? [])
            }
            return try Track(id: id, codec: .aac, configuration: specific)
        default: throw Box.Malformed(what: trak.entry.type)
        }
    }

    /// The content of descriptor 5 within 4 within 3; nil when the object type is not AAC.
    static func specificConfiguration(_ esds: [UInt8]) throws -> [UInt8]? {
        var at = 4
        func descriptor(_ tag: UInt8) throws -> Int {
            guard at < esds.count, esds[at] == tag else { throw Box.Malformed(what: "descriptor \(tag)") }
            at += 1
            var length = 0
            while esds[at] & 0x80 != 0 {
                length = length << 7 | Int(esds[at] & 0x7F)
                at += 1
            }
            length = length << 7 | Int(esds[at])
            at += 1
            return length
        }
        _ = try descriptor(3)
        at += 3
        _ = try descriptor(4)
        guard esds[at] == 0x40 else { return nil }
        at += 13
        let length = try descriptor(5)
        return Array(esds[at..<at + length])
    }
}

/// A folder that goes when its owner does.
final class ScratchFolder {
    private let url: URL

    init() throws {
        self.url = FileManager.default.temporaryDirectory.appendingPathComponent("packaging-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.url, withIntermediateDirectories: true)
    }

    func path(_ name: String) -> String { self.url.appendingPathComponent(name).path }

    func write(_ bytes: ByteBuffer, to name: String) throws -> String {
        let path = self.path(name)
        try Data(bytes.readableBytesView).write(to: URL(fileURLWithPath: path))
        return path
    }

    deinit {
        do {
            try FileManager.default.removeItem(at: self.url)
        } catch {
            Issue.record("left behind: \(self.url.path): \(error)")
        }
    }
}

enum Tool {
    struct Failed: Error {
        let arguments: [String]
        let status: Int32
        let errors: String
    }

    /// Runs a tool from the PATH to its end; its standard output comes back, a bad exit throws with what it said.
    @discardableResult static func run(_ name: String, _ arguments: [String]) throws -> (output: String, errors: String) {
        let folder = try ScratchFolder()
        let outputs = ["out", "err"].map { folder.path($0) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [name] + arguments
        process.standardInput = FileHandle.nullDevice
        // Files, as a pipe that nobody empties would stop the tool.
        let handles = try outputs.map { path in
            try Data().write(to: URL(fileURLWithPath: path))
            return try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        }
        process.standardOutput = handles[0]
        process.standardError = handles[1]
        try process.run()
        process.waitUntilExit()
        for handle in handles { try handle.close() }
        let texts = try outputs.map { String(decoding: try Data(contentsOf: URL(fileURLWithPath: $0)), as: UTF8.self) }
        guard process.terminationStatus == 0 else { throw Failed(arguments: arguments, status: process.terminationStatus, errors: texts[1]) }
        return (texts[0], texts[1])
    }
}
