import Foundation
import TestSupport

/// Media made by the ffmpeg command for these tests, and a folder that goes away with it.
final class Clips {
    private let folder: TestFolder
    var directory: String { self.folder.path }

    init() throws { self.folder = try TestFolder("av") }

    func path(_ name: String) -> String { self.folder.path(name) }

    /// A moving picture of 160×90 at 25 frames a second, a tone of 48 kHz, or both.
    func make(_ name: String, seconds: Int = 2, video: [String]?, audio: [String]?) throws -> String {
        var arguments = ["-v", "error", "-y"]
        if video != nil { arguments += ["-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=\(seconds)"] }
        if let audio, audio.first == "-c:a" { arguments += ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=\(seconds)"] }
        let path = self.path(name)
        try Self.run("ffmpeg", arguments + (video ?? []) + (audio ?? []) + [path])
        return path
    }

    /// What the command prints on both outputs. Fails the test when it does not end well.
    @discardableResult
    static func run(_ command: String, _ arguments: [String]) throws -> String { try Tool.output(of: command, arguments) }

    /// Every packet decoded; empty when nothing was wrong.
    static func decodingErrors(_ path: String) throws -> String {
        try self.run("ffmpeg", ["-v", "error", "-i", path, "-f", "null", "-"])
    }

    /// One line for each stream.
    static func streams(_ path: String, _ entries: String) throws -> [String] {
        try self.run("ffprobe", ["-v", "error", "-show_entries", "stream=\(entries)", "-of", "csv=p=0", path]).split(separator: "\n").map(String.init)
    }
}

enum Encoders {
    static let h264 = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p"]
    static let hevc = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-g", "25", "-pix_fmt", "yuv420p"]
    static let av1 = ["-c:v", "libaom-av1", "-cpu-used", "8", "-usage", "realtime", "-g", "25", "-pix_fmt", "yuv420p"]
    static let vp9 = ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25", "-pix_fmt", "yuv420p"]
    static let aac = ["-c:a", "aac", "-b:a", "64k"]
    static let opus = ["-c:a", "libopus", "-b:a", "64k"]
    static let mp3 = ["-c:a", "libmp3lame", "-b:a", "64k"]
    static let vorbis = ["-c:a", "libvorbis", "-b:a", "64k"]
}
