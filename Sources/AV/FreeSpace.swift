import Glibc

/// Room on a file system.
public enum FreeSpace {
    /// Bytes that an unprivileged process may still write to the directory's file system; nil when the system does not say. Blocks as a look at a
    /// directory does.
    public static func bytes(at directory: String) -> Int64? {
        var status = statvfs()
        guard statvfs(directory, &status) == 0 else { return nil }
        let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflow ? Int64.max : Int64(clamping: bytes)
    }
}
