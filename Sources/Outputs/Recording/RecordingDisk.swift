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

    static func remove(_ path: String) {
        // Whatever the reason it cannot be removed, there is nobody to tell but the next start's sweep, which tries again.
        _ = unlink(path)
    }

    static func wallClockMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
