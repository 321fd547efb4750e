import Foundation

/// A program of the system, run to its end.
public struct Tool: Sendable {
    public var status: Int32
    /// Both outputs, as they came.
    public var output: String

    public struct Failed: Error, CustomStringConvertible {
        public let description: String
    }

    /// Holds the calling thread.
    /// - Parameter folder: where it runs; the tests' own when nil.
    public static func runHere(_ name: String, _ arguments: [String], in folder: String? = nil) throws -> Tool {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [name] + arguments
        if let folder { process.currentDirectoryURL = URL(fileURLWithPath: folder) }
        process.standardInput = FileHandle.nullDevice
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return Tool(status: process.terminationStatus, output: text)
    }

    /// Not on a thread of the tests: there are few, and others wait for theirs.
    public static func run(_ name: String, _ arguments: [String], in folder: String? = nil) async throws -> Tool {
        try await withCheckedThrowingContinuation { done in
            Thread.detachNewThread { done.resume(with: Result { try Self.runHere(name, arguments, in: folder) }) }
        }
    }

    /// What it printed, without the white space around it; throws when it did not end well.
    @discardableResult
    public static func output(of name: String, _ arguments: [String], in folder: String? = nil) throws -> String {
        let tool = try self.runHere(name, arguments, in: folder)
        guard tool.status == 0 else { throw Failed(description: "\(name) \(arguments.joined(separator: " ")): \(tool.output)") }
        return tool.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
