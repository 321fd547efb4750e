import AV
import Foundation
import Logging
import Media
import NIOCore
import Streams
import Synchronization
import TestSupport
import Testing

@testable import Outputs

/// A value that callbacks change.
final class Noted<Value: Sendable>: Sendable {
    private let mutex: Mutex<Value>

    init(_ value: Value) { self.mutex = Mutex(value) }

    var value: Value { self.mutex.withLock { $0 } }
    @discardableResult func change<Result: Sendable>(_ body: (inout Value) -> Result) -> Result { self.mutex.withLock { body(&$0) } }
}

/// Frames made by the ffmpeg command and read back with our own demuxer.
struct Clip {
    static let h264 = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-keyint_min", "25", "-sc_threshold", "0"]
    static let hevc = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:keyint=25:min-keyint=25:scenecut=0"]
    static let av1 = ["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "25"]
    static let vp9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25"]
    static let vp8 = ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-g", "25", "-b:v", "300k"]
    static let aac = ["-c:a", "aac", "-b:a", "64k"]
    static let opus = ["-c:a", "libopus", "-b:a", "64k"]
    static let mp3 = ["-c:a", "libmp3lame", "-b:a", "64k"]
    static let vorbis = ["-c:a", "libvorbis", "-b:a", "64k"]

    var tracks: [Track] = []
    var frames: [EncodedFrame] = []

    /// 25 pictures a second with a keyframe each second; 48 kHz sound.
    init(
        video: [String]?, audio: [String]?, seconds: Int = 6, size: String = "160x90", container: String = "mp4", in folder: TestFolder
    ) throws {
        let filters = ("testsrc2=size=\(size):rate=25:duration=\(seconds)", "sine=frequency=440:sample_rate=48000:duration=\(seconds)")
        try self.init(filters: filters, video: video, audio: audio, container: container, in: folder)
    }

    init(
        filters: (video: String, audio: String), video: [String]?, audio: [String]?, container: String = "mp4", in folder: TestFolder
    ) throws {
        let path = folder.path + "/clip-\(UUID().uuidString).\(container)"
        var arguments = ["-v", "error"]
        if video != nil { arguments += ["-f", "lavfi", "-i", filters.video] }
        if audio != nil { arguments += ["-f", "lavfi", "-i", filters.audio] }
        if let video { arguments += video + ["-pix_fmt", "yuv420p"] }
        try Tool.output(of: "ffmpeg", arguments + (audio ?? []) + [path])
        let demuxer = try Demuxer(path: path)
        if audio == Self.vorbis { try self.readBothSounds(demuxer) } else { try self.readPackets(demuxer) }
        try FileManager.default.removeItem(atPath: path)
    }

    private mutating func readPackets(_ demuxer: Demuxer) throws {
        let tracks = demuxer.tracks.map { track in
            var track = track
            track.id = track.kind == .video ? .video : .audio
            return track
        }
        self.tracks = tracks
        let packet = try Packet()
        while try demuxer.read(into: packet) {
            let frame = packet.frame(of: tracks[packet.streamIndex], timescale: demuxer.streams[packet.streamIndex].timescale)
            self.frames.append(try #require(frame))
        }
        self.frames.sort { $0.decodeTime < $1.decodeTime }
    }

    /// As a pull publishes them: AAC, and the original of it.
    private mutating func readBothSounds(_ demuxer: Demuxer) throws {
        let reader = try FrameReader(demuxer, options: .init(keepsOriginals: true))
        while let item = try reader.next() {
            switch item {
            case .tracks(let tracks): self.tracks = tracks
            case .frame(let frame): self.frames.append(frame)
            }
        }
    }

    /// What a webm is made of.
    func frames(_ kind: MediaKind) -> [EncodedFrame] {
        let hasOriginal = self.tracks.contains { $0.id == .originalAudio }
        return self.frames.filter { $0.kind == kind && !(hasOriginal && $0.track == .audio) }
    }

    /// The same frames with times as RTMP has them.
    var inMilliseconds: [EncodedFrame] {
        self.frames.map { frame in
            var frame = frame
            let shown = frame.presentationTime.milliseconds
            frame.decodeTime = MediaTime(milliseconds: frame.decodeTime.milliseconds)
            frame.compositionOffset = MediaTime(milliseconds: shown) - frame.decodeTime
            return frame
        }
    }

    func frames(after time: MediaTime) -> [EncodedFrame] {
        self.frames.map { frame in
            var frame = frame
            frame.decodeTime += time
            return frame
        }
    }
}

/// A stream, a publisher to it, and recorders of it.
final class RecordingBench: Sendable {
    let folder: TestFolder
    let directory = StreamDirectory()
    let key = StreamKey("cam")
    let stream: Streams.Stream
    let outcomes = Noted<[RecordingOutcome]>([])
    let laterFiles = Noted<[StartedRecording]>([])
    let closed = Noted(0)

    init() throws {
        self.folder = try TestFolder("recording")
        self.stream = self.directory.open(self.key)
    }

    func publisher(of clip: Clip, credential: String? = nil) throws -> Publisher {
        let source = PublishSource(
            type: .rtmp, remoteAddress: "127.0.0.1", credential: credential, startedAtMilliseconds: 0, stop: { _ in })
        let publisher = try self.directory.publish(self.key, source: source, now: .now()).get()
        publisher.expect(video: clip.tracks.contains { $0.kind == .video }, audio: clip.tracks.contains { $0.kind == .audio })
        for track in clip.tracks { publisher.announce(track) }
        return publisher
    }

    func recorder(
        id: String = "abcdefghijklmnopqrstuvwx", baseName: String = "cam", format: RecordingFormat = .mp4,
        configuration: Recorder.Configuration = .init(minimumFreeBytes: 0), disk: RecordingDisk = .system
    ) -> Recorder {
        Recorder(
            stream: self.stream, request: RecordingRequest(id: id, directory: self.folder.path, baseName: baseName, format: format),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, configuration: configuration, disk: disk, pool: .shared,
            onFileStarted: { file in self.laterFiles.change { $0.append(file) } }, onEnd: { outcome in self.outcomes.change { $0.append(outcome) } },
            onClosed: { self.closed.change { $0 += 1 } })
    }

    func publish(_ frames: some Sequence<EncodedFrame>, to publisher: Publisher) {
        for frame in frames { publisher.publish(frame, now: .now()) }
    }
}

/// What ffprobe and ffmpeg say about a file.
struct Inspection {
    struct Packet {
        var stream: Int
        var presentation: Double
        var decode: Double
        var isKeyframe: Bool
    }

    var codecs: [String]
    var packets: [Packet]
    /// Of the container, seconds; up to the last packet where that does not say.
    var duration: Double
    /// ffmpeg's complaints while decoding everything; empty is right.
    var errors: String

    init(_ path: String) throws {
        let entries = "stream=codec_name:packet=stream_index,pts_time,dts_time,flags:format=duration"
        let lines = try Tool.output(of: "ffprobe", ["-v", "error", "-show_entries", entries, "-of", "csv", path])
            .split(separator: "\n").map { $0.split(separator: ",").map(String.init) }
        self.codecs = lines.filter { $0.first == "stream" && $0.count > 1 }.map { $0[1] }
        self.packets = try lines.filter { $0.first == "packet" }.map { parts in
            try #require(parts.count >= 5, "\(parts)")
            return Packet(
                stream: try #require(Int(parts[1])), presentation: try #require(Double(parts[2])), decode: try #require(Double(parts[3])),
                isKeyframe: parts[4].contains("K"))
        }
        let told = try #require(lines.first { $0.first == "format" && $0.count > 1 }?[1])
        self.duration = Double(told) ?? self.packets.map(\.presentation).max() ?? 0
        self.errors = try Tool.output(of: "ffmpeg", ["-v", "error", "-xerror", "-i", path, "-f", "null", "-"])
    }

    func packets(of kind: String) -> [Packet] {
        let audio = ["aac", "opus", "mp3"]
        guard let index = self.codecs.firstIndex(where: { audio.contains($0) == (kind == "audio") }) else { return [] }
        return self.packets.filter { $0.stream == index }
    }

    /// Seconds between the first picture shown and the first sound heard.
    var startOffset: Double {
        let video = self.packets(of: "video").map(\.presentation).min() ?? 0
        let audio = self.packets(of: "audio").map(\.presentation).min() ?? 0
        return audio - video
    }

    var decodeTimesRise: Bool {
        (0..<self.codecs.count).allSatisfy { stream in
            let times = self.packets.filter { $0.stream == stream }.map(\.decode)
            return zip(times, times.dropFirst()).allSatisfy { $0 < $1 }
        }
    }
}

/// A disk of so many bytes, whose writes can also be made to fail otherwise.
final class SmallDisk: Sendable {
    struct State {
        var room: Int64
        /// What `freeBytes` says; nil tells `room`.
        var claimedFree: Int64?
        /// Errors that the next openings of files give.
        var openErrors: [Int32] = []
        /// An error for the next write, once.
        var writeError: Int32?
    }

    let state: Noted<State>

    init(room: Int64, claimedFree: Int64? = nil) { self.state = Noted(State(room: room, claimedFree: claimedFree)) }

    var disk: RecordingDisk {
        RecordingDisk(
            open: { path throws(AVFailure) in
                if let error = self.state.change({ $0.openErrors.isEmpty ? nil : $0.openErrors.removeFirst() }) {
                    throw .system("open", errno: error)
                }
                return SmallDiskSink(try FileSink(path: path, creation: .replacing), self)
            },
            freeBytes: { _ in self.state.value.claimedFree ?? self.state.value.room })
    }
}

private final class SmallDiskSink: ByteSink {
    private let file: FileSink
    private let disk: SmallDisk

    init(_ file: FileSink, _ disk: SmallDisk) {
        self.file = file
        self.disk = disk
    }

    var position: Int64 { self.file.position }
    var length: Int64 { self.file.length }
    var isSeekable: Bool { true }
    func seek(to position: Int64) throws(AVFailure) { try self.file.seek(to: position) }

    func write(_ bytes: UnsafeRawBufferPointer) throws(AVFailure) {
        let error: Int32? = self.disk.state.change { state in
            if let error = state.writeError {
                state.writeError = nil
                return error
            }
            let grows = max(0, self.file.position + Int64(bytes.count) - self.file.length)
            guard grows <= state.room else { return ENOSPC }
            state.room -= grows
            return nil
        }
        if let error {
            // A full disk takes part of a write.
            if error == ENOSPC { try self.file.write(UnsafeRawBufferPointer(rebasing: bytes.prefix(bytes.count / 2))) }
            throw .system("write", errno: error)
        }
        try self.file.write(bytes)
    }
}
