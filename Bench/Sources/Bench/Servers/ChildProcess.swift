import Glibc

/// A program this one has started: ended with it, whatever happens.
final class ChildProcess {
    let identifier: pid_t
    private var exitStatus: Int32?

    /// - Parameters:
    ///   - environment: in addition to this process's own.
    ///   - log: the file that takes standard output and error.
    init(_ command: [String], environment: [String: String] = [:], log: String) throws(LoadFailure) {
        // setpriv asks the kernel to end the child when this process dies, also by SIGKILL; then it becomes the program, with the same id.
        let guardPath = "/usr/bin/setpriv"
        let isGuarded = access(guardPath, X_OK) == 0
        let arguments = (isGuarded ? [guardPath, "--pdeathsig", "TERM", "--"] : []) + command
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, log, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A group of its own: Ctrl-C comes here first, and the server is stopped in order.
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        var variables: [String] = environment.map { "\($0.key)=\($0.value)" }
        var place = environ
        while let entry = place.pointee {
            variables.append(String(cString: entry))
            place += 1
        }
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
        defer { for string in argv + envp { free(string) } }
        var identifier: pid_t = 0
        let result = posix_spawnp(&identifier, arguments[0], &actions, &attributes, &argv, &envp)
        guard result == 0 else { throw .system(call: arguments[0], code: result) }
        self.identifier = identifier
    }

    deinit { self.stop() }

    var isRunning: Bool {
        if self.exitStatus != nil { return false }
        var status: Int32 = 0
        if waitpid(self.identifier, &status, WNOHANG) == self.identifier { self.exitStatus = status }
        return self.exitStatus == nil
    }

    /// SIGTERM, without waiting for what comes of it.
    func askToEnd() {
        if self.isRunning { kill(self.identifier, SIGTERM) }
    }

    /// SIGTERM, then SIGKILL after five seconds.
    func stop() {
        guard self.isRunning else { return }
        self.askToEnd()
        for _ in 0..<500 where self.isRunning { usleep(10_000) }
        guard self.isRunning else { return }
        kill(self.identifier, SIGKILL)
        var status: Int32 = 0
        waitpid(self.identifier, &status, 0)
        self.exitStatus = status
    }

    /// The first child of a process; nil while it has none.
    static func child(of parent: pid_t) -> pid_t? {
        guard let directory = opendir("/proc") else { return nil }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            guard let candidate = pid_t(name), let stat = try? FileBytes.text("/proc/\(name)/stat") else { continue }
            // After the program's name, which is in brackets and may hold anything: state, parent.
            let fields = stat[(stat.lastIndex(of: ")") ?? stat.startIndex)...].split(separator: " ")
            if fields.count > 2, pid_t(fields[2]) == parent { return candidate }
        }
        return nil
    }
}
