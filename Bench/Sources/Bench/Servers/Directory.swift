import Glibc

/// Directories of the bench's own.
enum Directory {
    static func make(_ path: String) throws(LoadFailure) {
        var made = ""
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            made += part + "/"
            if part.isEmpty || access(made, F_OK) == 0 { continue }
            guard mkdir(made, 0o755) == 0 || errno == EEXIST else { throw .lastError(of: "mkdir \(made)") }
        }
    }

    /// With everything in it; what is not there is no fault. Links are removed, not followed.
    static func remove(_ path: String) {
        for (name, mode, _) in Self.entries(path) {
            if mode & S_IFMT == S_IFDIR { Self.remove("\(path)/\(name)") } else { unlink("\(path)/\(name)") }
        }
        rmdir(path)
    }

    /// Bytes of the files directly in it.
    static func size(_ path: String) -> Int { Self.entries(path).reduce(0) { $0 + ($1.mode & S_IFMT == S_IFREG ? $1.size : 0) } }

    private static func entries(_ path: String) -> [(name: String, mode: mode_t, size: Int)] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var entries: [(name: String, mode: mode_t, size: Int)] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            var status = stat()
            if name != ".", name != "..", lstat("\(path)/\(name)", &status) == 0 {
                entries.append((name, status.st_mode, Int(status.st_size)))
            }
        }
        return entries
    }
}
