import Foundation
import TestSupport
import Testing

/// A folder for one test's media, which ffmpeg makes; it goes away with the value.
final class PullFiles {
    private let folder: TestFolder
    var directory: String { self.folder.path }

    init() throws { self.folder = try TestFolder("pull") }

    func path(_ name: String) -> String { self.folder.path(name) }

    func write(_ bytes: [UInt8], to name: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: self.path(name))) }

    func read(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: self.path(name)))) }

    /// Runs in the folder; fails the test when it does not end well.
    func ffmpeg(_ arguments: [String]) async throws {
        let tool = try await Tool.run("ffmpeg", ["-v", "error", "-nostdin", "-y"] + arguments, in: self.directory)
        try #require(tool.status == 0, "ffmpeg \(arguments.joined(separator: " ")): \(tool.output)")
    }

    /// A moving picture of 160×90 at 25 frames a second, with B-frames, and a tone if wanted.
    func clip(_ name: String, seconds: Double, size: String = "160x90", sound: Bool = true, video: [String] = []) async throws {
        var arguments = ["-f", "lavfi", "-i", "testsrc2=size=\(size):rate=25:duration=\(seconds)"]
        if sound { arguments += ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=\(seconds)", "-c:a", "aac", "-ac", "2"] }
        arguments += ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p"] + video + [name]
        try await self.ffmpeg(arguments)
    }
}
