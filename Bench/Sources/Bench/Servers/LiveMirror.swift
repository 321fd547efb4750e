import Glibc

/// Copies a live playlist of Martlet and its segments into the folder another server serves, so that both have the same files at the same time.
final class LiveMirror: Timed {
    private static let interval: UInt64 = 200_000_000

    private let port: UInt16
    private let path: String
    private let folder: String
    private var files: Set<String> = []
    private var last = ""

    /// - Parameters:
    ///   - path: of the playlist.
    ///   - root: of the other server.
    init(path: String, port: UInt16, root: String) throws(LoadFailure) {
        self.path = path
        self.port = port
        self.folder = root + path.prefix(through: path.lastIndex(of: "/") ?? path.startIndex)
        try Directory.make(self.folder)
        try self.copy()
    }

    func fire(now: UInt64, loop: LoadLoop) throws(LoadFailure) -> UInt64? {
        try self.copy()
        return monotonicNow() + Self.interval
    }

    /// Segments first: a playlist is never ahead of its files.
    private func copy() throws(LoadFailure) {
        let playlist = try HTTPCall("GET", self.path, port: self.port).body
        guard playlist != self.last else { return }
        var names = playlist.split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
        if let map = playlist.split(separator: "\n").first(where: { $0.hasPrefix("#EXT-X-MAP:URI=\"") }) {
            names.append(String(map.dropFirst(16).prefix { $0 != "\"" }))
        }
        let base = self.path.prefix(through: self.path.lastIndex(of: "/") ?? self.path.startIndex)
        for name in names where !self.files.contains(name) && !name.contains("/") {
            try FileBytes.write(bytes: HTTPCall.bytes(base + name, port: self.port), to: self.folder + name)
        }
        for name in self.files.subtracting(names) { unlink(self.folder + name) }
        self.files = Set(names)
        let file = self.folder + (self.path.split(separator: "/").last ?? "")
        try FileBytes.write(playlist, to: file + ".new")
        guard rename(file + ".new", file) == 0 else { throw .lastError(of: "rename") }
        self.last = playlist
    }
}
