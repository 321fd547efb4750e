import CLinux
import Glibc

/// Asks the kernel to run the bench, and the servers it starts, before what else runs on the machine. All servers get the same; without the
/// right to it the bench runs as it is, and the column `others` says how much that matters.
enum Precedence {
    private static let nice: Int32 = -10

    static func claim() {
        _ = bench_prefer_this_thread(Self.nice)
        // Linux shares the cores among sessions first (sched_autogroup), and only then by niceness within one. A session of its own keeps
        // this from speaking for the user's shell.
        guard setsid() >= 0 else { return }
        let descriptor = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let text = Array("\(Self.nice)".utf8)
        _ = write(descriptor, text, text.count)
    }
}
