#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Looks for media below a directory of the host. Blocks. Links are not followed, so there are no cycles; what is hidden, or has a name that no URL of
/// ours can have, is passed over.
struct DirectoryScan {
    struct Found: Sendable, Equatable {
        /// From the directory.
        var path: String
        var bytes: Int64

        var name: String { String(self.path[(self.path.lastIndex(of: "/").map { self.path.index(after: $0) } ?? self.path.startIndex)...]) }
    }

    struct Limits: Sendable {
        /// Media files.
        var files = 10_000
        /// Names that are looked at.
        var entries = 200_000
        var depth = 32
    }

    enum Failure: Error, Equatable {
        case tooLarge(limit: Int)
        case cancelled
    }

    /// What the contract (1.23) imports.
    static let endings: Set<String> = ["mp4", "flv", "mkv", "m3u8"]
    /// Bytes of a name in a URL, percent-encoded; those of the imported folder and of a few more still fit.
    private static let longestPath = 768

    let limits: Limits
    let isCancelled: () -> Bool
    private var found: [Found] = []
    private var entries = 0

    /// In the order of their names.
    static func run(
        _ directory: String, limits: Limits = .init(), isCancelled: @escaping () -> Bool = { false }
    ) throws(Failure) -> [Found] {
        var scan = DirectoryScan(limits: limits, isCancelled: isCancelled)
        try scan.look(directory, prefix: "", depth: 0)
        return scan.found.sorted { $0.path < $1.path }
    }

    private init(limits: Limits, isCancelled: @escaping () -> Bool) {
        self.limits = limits
        self.isCancelled = isCancelled
    }

    private mutating func look(_ directory: String, prefix: String, depth: Int) throws(Failure) {
        guard !self.isCancelled() else { throw .cancelled }
        var folders: [String] = []
        for name in Self.names(in: directory, atMost: self.limits.entries + 1) {
            // Each name is a question to the disk.
            guard !self.isCancelled() else { throw .cancelled }
            self.entries += 1
            guard self.entries <= self.limits.entries else { throw .tooLarge(limit: self.limits.files) }
            guard Self.isPlain(name), Self.encodedLength(prefix + name) <= Self.longestPath else { continue }
            var status = stat()
            guard lstat("\(directory)/\(name)", &status) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFDIR: folders.append(name)
            case S_IFREG where Self.endings.contains(VodLibrary.fileExtension(of: name).lowercased()):
                self.found.append(Found(path: prefix + name, bytes: Int64(status.st_size)))
                guard self.found.count <= self.limits.files else { throw .tooLarge(limit: self.limits.files) }
            default: break
            }
        }
        guard depth < self.limits.depth else { return }
        for folder in folders { try self.look("\(directory)/\(folder)", prefix: "\(prefix)\(folder)/", depth: depth + 1) }
    }

    /// A name that can stand in a URL of media.
    static func isPlain(_ name: String) -> Bool {
        guard (1...255).contains(name.utf8.count), !name.hasPrefix("."), !name.contains("\\"), !name.contains("\u{FFFD}") else { return false }
        return name.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
    }

    private static func encodedLength(_ path: String) -> Int {
        path.utf8.reduce(0) { length, byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "/"):
                length + 1
            default: length + 3
            }
        }
    }

    /// Bytes that are no UTF-8 come as U+FFFD, which `isPlain` does not take.
    static func names(in directory: String, atMost most: Int = .max) -> [String] {
        guard let folder = opendir(directory) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while names.count < most, let entry = readdir(folder) {
            names.append(withUnsafeBytes(of: &entry.pointee.d_name) { bytes in String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self) })
        }
        return names.sorted()
    }
}
