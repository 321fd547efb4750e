import Glibc
import Synchronization

/// Whether SIGINT or SIGTERM has come. The handler only sets a flag; the loop sees it after the interrupted wait and unwinds, so that every
/// `defer` on the way stops what it started.
enum Interruption {
    private static let flag = Atomic<Bool>(false)

    static var hasHappened: Bool { Self.flag.load(ordering: .relaxed) }

    static func listen() {
        for number in [SIGINT, SIGTERM] { signal(number) { _ in Interruption.flag.store(true, ordering: .relaxed) } }
        // A peer that closes is seen as the result of a send, not as a signal.
        signal(SIGPIPE, SIG_IGN)
    }
}
