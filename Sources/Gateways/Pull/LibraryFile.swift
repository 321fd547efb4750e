#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// Files of the server's own VoD library, as `vod:{path below the streams directory}`. Nothing outside that directory and of what `LibraryFolder` lets in
/// is ever opened: neither by `..` nor by a symbolic link, nor through a list that names other files.
enum LibraryFile {
    static let scheme = "vod:"

    /// The path below the library; nil when the URL is none of a library file.
    static func path(of url: String) -> String? {
        guard url.hasPrefix(self.scheme) else { return nil }
        var path = url.dropFirst(self.scheme.count)
        while path.first == "/" { path.removeFirst() }
        return String(path)
    }

    /// What can be said without looking at the disk.
    static func refusal(of path: String) -> PullFailure? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let isClean = !path.isEmpty && path.utf8.count <= 1_024 && !path.utf8.contains(where: { $0 < 0x20 }) && !parts.contains("..")
        return isClean ? nil : PullFailure(cause: .addressNotAllowed, text: "not a file of the library")
    }

    /// The file's absolute path with all links resolved.
    static func resolve(_ path: String, in folder: LibraryFolder) throws(PullFailure) -> String {
        if let refusal = self.refusal(of: path) { throw refusal }
        guard LibraryFolder.real(folder.path + "/" + path) != nil else {
            throw PullFailure(cause: .notFound, text: "there is no such file in the library")
        }
        guard let file = folder.resolve(path)?.path else {
            throw PullFailure(cause: .addressNotAllowed, text: "not a file of the library")
        }
        try self.checkContent(of: file)
        return file
    }

    /// A playlist that calls itself a film would make libavformat open what it lists.
    private static func checkContent(of file: String) throws(PullFailure) {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
        guard descriptor >= 0 else { throw PullFailure(cause: .notFound, text: "the file cannot be read") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw PullFailure(cause: .notFound, text: "not a file")
        }
        var head = [UInt8](repeating: 0, count: 16)
        let count = read(descriptor, &head, head.count)
        guard count > 0 else { throw PullFailure(cause: .nothingToPlay, text: "the file is empty") }
        guard !head.starts(with: Array("#EXTM3U".utf8)) else {
            throw PullFailure(cause: .addressNotAllowed, text: "a list of other files is not played from the library")
        }
    }
}
