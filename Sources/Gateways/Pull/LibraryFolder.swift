#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// The folder of the VoD library, and the directories of the host that appear in it as links.
///
/// A path in it leads to a file below it, or, through a link right in it, to a file below that link's target, which in turn lies in a directory that
/// the operator has named. Every other link that leads out leads nowhere.
public struct LibraryFolder: Sendable, Equatable {
    public struct File: Sendable, Equatable {
        /// Absolute, without links.
        public var path: String
        /// It lies outside, where others may move things about at any time.
        public var isImported: Bool
    }

    /// Absolute.
    public var path: String
    /// Directories of the host, absolute, in which the targets of links may lie; empty: nothing outside is ever opened.
    public var importDirectories: [String]

    public init(path: String, importDirectories: [String] = []) {
        self.path = path
        self.importDirectories = importDirectories
    }

    /// What a relative path leads to; nil when there is nothing, or nothing of ours.
    public func resolve(_ relative: String) -> File? {
        guard let root = Self.real(self.path), let file = Self.real("\(root)/\(relative)") else { return nil }
        if Self.contains(root, file) { return File(path: file, isImported: false) }
        guard let first = relative.split(separator: "/").first, first != "..", let target = self.importTarget(of: String(first), in: root),
            Self.contains(target, file)
        else { return nil }
        return File(path: file, isImported: true)
    }

    /// Where a link right in the folder leads, if it may; absolute, without links.
    private func importTarget(of name: String, in root: String) -> String? {
        guard !self.importDirectories.isEmpty else { return nil }
        var status = stat()
        let link = "\(root)/\(name)"
        guard lstat(link, &status) == 0, status.st_mode & S_IFMT == S_IFLNK, let target = Self.real(link), self.mayBeImported(target) else {
            return nil
        }
        return target
    }

    /// Whether a directory, without links, lies in one that the operator has named and has nothing to do with the library itself.
    public func mayBeImported(_ directory: String) -> Bool {
        let isNamed = self.importDirectories.contains { named in
            Self.real(named).map { $0 == directory || Self.contains($0, directory) } ?? false
        }
        guard isNamed, let root = Self.real(self.path) else { return false }
        return root != directory && !Self.contains(root, directory) && !Self.contains(directory, root)
    }

    private static func contains(_ directory: String, _ path: String) -> Bool {
        path != "/" && path.hasPrefix(directory == "/" ? "/" : directory + "/")
    }

    public static func real(_ path: String) -> String? {
        guard !path.utf8.contains(0), let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
