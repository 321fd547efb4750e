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
}
