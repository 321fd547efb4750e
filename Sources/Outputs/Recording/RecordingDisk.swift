import AV
import Glibc

/// The file system as recordings use it; tests put a small disk in its place.
struct RecordingDisk: Sendable {
    /// Opens a claimed file, emptied.
    var open: @Sendable (_ path: String) throws(AVFailure) -> any ByteSink
    /// Bytes that an unprivileged process may still write to the directory's file system; nil when the system does not say.
    var freeBytes: @Sendable (_ directory: String) -> Int64?

    static let system = RecordingDisk(
        open: { path throws(AVFailure) in try FileSink(path: path, creation: .replacing) },
        freeBytes: { FreeSpace.bytes(at: $0) })

    /// nil when the file is not there.
    static func size(of path: String) -> Int64? {
        var status = stat()
        return stat(path, &status) == 0 ? Int64(status.st_size) : nil
    }

    /// Neither the file nor whatever could hide it is there. Where its directory is not there either, a file system may be missing, and nothing is known.
    static func isGone(_ path: String) -> Bool {
        var status = stat()
        guard stat(path, &status) != 0, errno == ENOENT, let slash = path.lastIndex(of: "/") else { return false }
        return stat(String(path[..<slash]), &status) == 0
    }

    static func remove(_ path: String) {
        // Whatever the reason it cannot be removed: a recovery of that name tries again.
        _ = unlink(path)
    }

    /// Within a directory; what had the new name is replaced.
    static func rename(_ path: String, to other: String) throws(RecordingFailure) {
        guard Glibc.rename(path, other) == 0 else { throw RecordingFailure.system("rename", path, errno: errno) }
    }

    static func wallClockMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
