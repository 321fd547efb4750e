import Foundation

/// A program of the system, run to its end without holding a thread of the pool.
struct Tool: Sendable {
    var status: Int32
    var output: String

    static func run(_ name: String, _ arguments: [String]) async throws -> Tool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [name] + arguments
        process.standardInput = FileHandle.nullDevice
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        return try await withCheckedThrowingContinuation { continuation in
            let thread = Thread {
                do {
                    try process.run()
                } catch {
                    continuation.resume(throwing: error)
                    return
                }
                let data = pipe.fileHandleForReading.readDataToEndOfFile()
                process.waitUntilExit()
                continuation.resume(returning: Tool(status: process.terminationStatus, output: String(decoding: data, as: UTF8.self)))
            }
            thread.start()
        }
    }

    /// curl's answer as `version status bytes`, the body going to `file` if there is one.
    static func curl(_ arguments: [String], to file: String = "/dev/null") async throws -> String {
        let tool = try await self.run(
            "curl", ["-sS", "--max-time", "60", "-o", file, "-w", "%{http_version} %{http_code} %{size_download}"] + arguments)
        return tool.output
    }
}
