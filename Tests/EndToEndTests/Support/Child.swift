import Foundation
import Glibc
import Synchronization

/// A child process whose output goes to files. It is told by its process id only, and ends with this process whatever happens.
final class Child: Sendable {
    enum Exit: Equatable {
        case code(Int32)
        case signal(Int32)
    }

    struct NotStarted: Error {
        let command: String
        let reason: String
    }

    private enum State {
        case running
        case ended(Exit)
    }

    let name: String
    let pid: pid_t
    let outputFile: URL
    let errorFile: URL
    private let state: Mutex<State>

    private init(name: String, pid: pid_t, outputFile: URL, errorFile: URL) {
        self.name = name
        self.pid = pid
        self.outputFile = outputFile
        self.errorFile = errorFile
        self.state = Mutex(.running)
    }

    /// `name` names the two output files in `directory`; `command` is looked up in PATH.
    static func start(_ name: String, _ command: [String], environment: [String: String], directory: URL) async throws -> Child {
        let output = directory.appending(path: "\(name).out")
        let errors = directory.appending(path: "\(name).err")
        // The kernel ends the child when the thread that started it ends, so each child has a thread of its own that waits for it.
        let whole = ["setpriv", "--pdeathsig", "KILL", "--"] + command
        return try await withCheckedThrowingContinuation { started in
            Thread.detachNewThread {
                do {
                    let pid = try Self.spawn(whole, environment: environment, output: output, errors: errors)
                    let child = Child(name: name, pid: pid, outputFile: output, errorFile: errors)
                    started.resume(returning: child)
                    child.waitForItsEnd()
                } catch {
                    started.resume(throwing: error)
                }
            }
        }
    }

    var exit: Exit? {
        self.state.withLock { if case .ended(let exit) = $0 { exit } else { nil } }
    }

    /// Does nothing when the process has ended, so that no other process can be hit.
    func send(_ signal: Int32) {
        self.state.withLock { if case .running = $0 { kill(self.pid, signal) } }
    }

    @discardableResult
    func waitForExit(within limit: Duration = .seconds(120)) async throws -> Exit {
        try await eventually("\(self.name) ends", within: limit, every: .milliseconds(20)) { self.exit }
    }

    func output() throws -> String { String(decoding: try Data(contentsOf: self.outputFile), as: UTF8.self) }
    func errors() throws -> String { String(decoding: try Data(contentsOf: self.errorFile), as: UTF8.self) }

    /// The end of what it wrote to stderr, for messages.
    var lastWords: String { String(decoding: (FileManager.default.contents(atPath: self.errorFile.path) ?? Data()).suffix(2000), as: UTF8.self) }

    /// To stderr, so far.
    func hasWritten(_ text: String) -> Bool { FileManager.default.contents(atPath: self.errorFile.path)?.firstRange(of: Data(text.utf8)) != nil }

    private func waitForItsEnd() {
        // Looked at first and taken away under the lock: until then the process id belongs to nobody else.
        var information = siginfo_t()
        while waitid(P_PID, id_t(self.pid), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        self.state.withLock { state in
            var status: Int32 = 0
            while waitpid(self.pid, &status, 0) < 0, errno == EINTR {}
            let signal = status & 0x7f
            state = .ended(signal == 0 ? .code((status >> 8) & 0xff) : .signal(signal))
        }
    }

    private static func spawn(_ command: [String], environment: [String: String], output: URL, errors: URL) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output.path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        posix_spawn_file_actions_addopen(&actions, 2, errors.path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)

        // What this process ignores or blocks is not the child's business.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var all = sigset_t()
        var none = sigset_t()
        sigfillset(&all)
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

        var arguments = command.map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in arguments + variables { free(text) } }
        var pid: pid_t = 0
        let result = posix_spawnp(&pid, command[0], &actions, &attributes, &arguments, &variables)
        guard result == 0 else { throw NotStarted(command: command.joined(separator: " "), reason: String(cString: strerror(result))) }
        return pid
    }
}
