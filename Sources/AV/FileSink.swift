import CFFmpeg
import Glibc

/// A file open for writing. Closes its descriptor at the end of its life.
public final class FileSink: ByteSink {
    public enum Creation: Sendable {
        /// Fails when the file exists.
        case exclusive
        /// Makes the file, or empties the one that is there.
        case replacing
    }

    public let path: String
    private let descriptor: Int32
    public private(set) var position: Int64 = 0
    public private(set) var length: Int64 = 0

    public var isSeekable: Bool { true }

    public init(path: String, creation: Creation) throws(AVFailure) {
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (creation == .exclusive ? O_EXCL : O_TRUNC)
        let descriptor = open(path, flags, 0o644)
        guard descriptor >= 0 else { throw .system("create file", errno: errno) }
        self.path = path
        self.descriptor = descriptor
    }

    deinit {
        // What was written has been checked write by write, and synced where that mattered.
        _ = close(self.descriptor)
    }

    public func write(_ bytes: UnsafeRawBufferPointer) throws(AVFailure) {
        var rest = bytes
        while let start = rest.baseAddress, rest.count > 0 {
            let written = pwrite(self.descriptor, start, rest.count, off_t(self.position))
            if written < 0 {
                if errno == EINTR { continue }
                throw .system("write file", errno: errno)
            }
            self.position += Int64(written)
            self.length = max(self.length, self.position)
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
    }

    public func seek(to position: Int64) throws(AVFailure) {
        guard position >= 0 else { throw .system("seek file", errno: EINVAL) }
        self.position = position
    }

    public func synchronise() throws(AVFailure) {
        guard fdatasync(self.descriptor) == 0 else { throw .system("sync file", errno: errno) }
    }
}
