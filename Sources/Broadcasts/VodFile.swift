#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Removes files below the streams directory, and none elsewhere, whatever a row or a symbolic link says.
enum VodFile {
    enum Removal: Equatable {
        case removed
        case absent
        /// Not below the streams directory.
        case outside
        case failed(String)
    }

    /// The part of `streams/…` behind the first slash; nil when it is no plain path of a file there.
    static func path(belowStreams path: String) -> String? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count > 1, parts[0] == "streams", !path.utf8.contains(0) else { return nil }
        guard !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) else { return nil }
        return parts.dropFirst().joined(separator: "/")
    }

    /// `path` is relative to the data directory, `streams/…`.
    static func remove(_ path: String, below dataDirectory: String) -> Removal {
        guard let parts = Self.path(belowStreams: path)?.split(separator: "/") else { return .outside }
        // Every directory on the way is opened without following links, so none can lead outside.
        var directory = open(dataDirectory + "/streams", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { return Self.result(of: errno) }
        defer { close(directory) }
        for part in parts.dropLast() {
            let next = openat(directory, String(part), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            guard next >= 0 else { return Self.result(of: errno) }
            close(directory)
            directory = next
        }
        // Removes a link itself, never what it points to.
        guard unlinkat(directory, String(parts[parts.count - 1]), 0) == 0 else { return Self.result(of: errno) }
        return .removed
    }

    private static func result(of code: Int32) -> Removal {
        switch code {
        case ENOENT: .absent
        case ELOOP, ENOTDIR: .outside
        default: .failed(String(cString: strerror(code)))
        }
    }
}
