import CFFmpeg
import Glibc

/// Gives a file its final name.
public enum FileMove {
    public enum Outcome: Sendable, Equatable {
        case moved
        /// Something has that name already; nothing was changed.
        case nameIsTaken
    }

    /// Atomic, and never replaces another file. Syncs the directory, so that after a power loss the file has one of the two names.
    public static func keepingOthers(from source: String, to target: String) throws(AVFailure) -> Outcome {
        if shim_rename_noreplace(source, target) != 0 {
            switch errno {
            case EEXIST: return .nameIsTaken
            case EINVAL, ENOSYS: return try Self.byLink(from: source, to: target)  // a file system without the flag
            default: throw .system("rename file", errno: errno)
            }
        }
        Self.syncDirectory(of: target)
        return .moved
    }

    private static func byLink(from source: String, to target: String) throws(AVFailure) -> Outcome {
        guard link(source, target) == 0 else {
            if errno == EEXIST { return .nameIsTaken }
            throw .system("link file", errno: errno)
        }
        guard unlink(source) == 0 else { throw .system("remove file", errno: errno) }
        Self.syncDirectory(of: target)
        return .moved
    }

    /// Best effort: some file systems cannot, and the name is right for every running process anyway.
    private static func syncDirectory(of path: String) {
        guard let slash = path.lastIndex(of: "/") else { return }
        let directory = slash == path.startIndex ? "/" : String(path[..<slash])
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        _ = fsync(descriptor)
        _ = close(descriptor)
    }
}
