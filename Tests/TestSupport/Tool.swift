public import Foundation
import Glibc

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
        let pipe = self.pipe()
        let child = try self.spawn(
            name, arguments, in: folder, output: pipe.fileHandleForWriting.fileDescriptor, errors: pipe.fileHandleForWriting.fileDescriptor)
        try pipe.fileHandleForWriting.close()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        return Tool(status: self.wait(for: child), output: text)
    }

    /// One that programs started meanwhile do not inherit.
    public static func pipe() -> Pipe {
        let pipe = Pipe()
        for end in [pipe.fileHandleForReading, pipe.fileHandleForWriting] { _ = fcntl(end.fileDescriptor, F_SETFD, FD_CLOEXEC) }
        return pipe
    }

    /// Starts a program that is looked for as a shell does, without input. The process's number.
    ///
    /// Not by Foundation's `Process`: on Linux that copies whole `dirent`s out of what it reads of `/proc/self/fd`, also the last of a full buffer, and ends
    /// the process by it once some 1350 descriptors are open, as they are while hundreds of tests run at once.
    public static func spawn(_ name: String, _ arguments: [String], in folder: String? = nil, output: Int32, errors: Int32) throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)
        // `env -C` changes the folder.
        let command = (folder.map { ["env", "-C", $0] } ?? []) + [name] + arguments
        let words = command.map { strdup($0) } + [nil]
        let environment = ProcessInfo.processInfo.environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in words + environment { free(text) } }
        var child = pid_t()
        let problem = posix_spawnp(&child, command[0], &actions, nil, words, environment)
        guard problem == 0 else { throw Failed(description: "\(name): \(String(cString: strerror(problem)))") }
        return child
    }

    /// Holds the calling thread. The exit status, or the signal that ended it.
    public static func wait(for child: Int32) -> Int32 {
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : status & 0x7F
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
