import Glibc
import Logging

/// What the operating system grants this process.
enum ProcessLimits {
    /// A connection is an open file: takes as many as the system lets this user have.
    static func raiseOpenFiles(logger: Logger) {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            logger.warning("The limit of open files could not be raised", metadata: ["error": "\(String(cString: strerror(errno)))"])
            return
        }
    }

    /// Large memory goes back to the system when it is freed. By itself the C library raises this limit with the first large piece it is given
    /// back, and keeps whatever opening a source has taken for a moment: 6 MB a pulled source instead of 3.
    static func keepLittleFreeMemory() {
        // malloc.h: M_MMAP_THRESHOLD and M_TRIM_THRESHOLD. Refused values would only leave things as they are.
        _ = mallopt(-3, 256 << 10)
        _ = mallopt(-1, 256 << 10)
    }
}
