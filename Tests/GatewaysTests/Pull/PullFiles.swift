import Foundation
import Testing

/// A folder for one test's media, which ffmpeg makes; it goes away with the value.
final class PullFiles {
    let directory: String

    init() throws {
        self.directory = NSTemporaryDirectory() + "martlet-pull-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: self.directory, withIntermediateDirectories: true)
    }

    deinit {
        do {
            try FileManager.default.removeItem(atPath: self.directory)
        } catch {
            Issue.record("test folder cannot be removed: \(error)")
        }
    }

    func path(_ name: String) -> String { self.directory + "/" + name }

    func write(_ bytes: [UInt8], to name: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: self.path(name))) }

    func read(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: self.path(name)))) }

    /// Runs in the folder; fails the test when it does not end well.
    func ffmpeg(_ arguments: [String]) async throws {
        let directory = self.directory
        // Not on a thread of the tests: there are few, and others wait for theirs.
        let (status, text) = try await withCheckedThrowingContinuation { done in
            Thread.detachNewThread { done.resume(with: Result { try Self.run(arguments, in: directory) }) }
        }
        try #require(status == 0, "ffmpeg \(arguments.joined(separator: " ")): \(text)")
    }

    private static func run(_ arguments: [String], in directory: String) throws -> (Int32, String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["ffmpeg", "-v", "error", "-nostdin", "-y"] + arguments
        process.currentDirectoryURL = URL(fileURLWithPath: directory)
        let errors = Pipe()
        process.standardError = errors
        try process.run()
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    /// A moving picture of 160×90 at 25 frames a second, with B-frames, and a tone if wanted.
    func clip(_ name: String, seconds: Double, size: String = "160x90", sound: Bool = true, video: [String] = []) async throws {
        var arguments = ["-f", "lavfi", "-i", "testsrc2=size=\(size):rate=25:duration=\(seconds)"]
        if sound { arguments += ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=\(seconds)", "-c:a", "aac", "-ac", "2"] }
        arguments += ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p"] + video + [name]
        try await self.ffmpeg(arguments)
    }
}
