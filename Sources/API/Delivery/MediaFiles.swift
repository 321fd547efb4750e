import Gateways
import Glibc
import NIOCore
import Synchronization

/// Finds files below a folder, for answers from an event loop.
///
/// A look-up is one realpath(3) and one stat(2): a handful of system calls on directory entries that are in memory, some ten microseconds, kept for
/// a second so that a player's many range requests make one. A cold directory on a slow disk can hold the loop for a seek; handing every look-up to
/// another thread would cost all the others more than that.
final class MediaFiles: Sendable {
    struct File: Sendable, Equatable {
        /// Absolute, without symbolic links.
        var path: String
        var size: Int64
        /// Seconds since 1970.
        var modified: Int
        /// Strong: nanoseconds of the last change, size and inode.
        var etag: String
    }

    private static let lifetime = TimeAmount.seconds(1)
    private static let capacity = 1_024

    private let folder: LibraryFolder
    private let found = Mutex<[String: (file: File, until: NIODeadline)]>([:])

    init(folder: LibraryFolder) {
        self.folder = folder
    }

    /// nil when there is no regular file of that name below the folder; a link that leads out of it is none, unless `LibraryFolder` lets it.
    func find(_ path: String, now: NIODeadline) -> File? {
        if let hit = self.found.withLock({ $0[path] }), now < hit.until { return hit.file }
        guard let (file, isImported) = self.look(path) else { return nil }
        // What others may replace at any time by a link to somewhere else is looked at each time.
        guard !isImported else { return file }
        self.found.withLock { found in
            if found.count >= Self.capacity { found.removeAll(keepingCapacity: true) }
            found[path] = (file, now + Self.lifetime)
        }
        return file
    }

    private func look(_ path: String) -> (file: File, isImported: Bool)? {
        // What is asked for in vain mostly does not exist at all: one call tells, where resolving it takes one for each folder above.
        guard access("\(self.folder.path)/\(path)", F_OK) == 0, let found = self.folder.resolve(path) else { return nil }
        var status = stat()
        guard stat(found.path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        let nanoseconds = UInt64(bitPattern: Int64(status.st_mtim.tv_sec)) &* 1_000_000_000 &+ UInt64(bitPattern: Int64(status.st_mtim.tv_nsec))
        let size = Int64(status.st_size)
        let file = File(
            path: found.path, size: size, modified: status.st_mtim.tv_sec,
            etag: "\"\(String(nanoseconds, radix: 36))-\(String(size, radix: 36))-\(String(status.st_ino, radix: 36))\"")
        return (file, found.isImported)
    }
}
