import Foundation
import Glibc

/// The source tree as the house rules see it.
enum House {
    /// The top of the source tree, three levels above this file.
    static let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    struct File {
        /// From the top of the tree, with `/`.
        let path: String
        let text: String

        var lines: [Substring] { self.text.split(separator: "\n", omittingEmptySubsequences: false) }
        var isText: Bool { !self.text.utf8.contains(0) && !self.mentions("\u{FFFD}") }
        /// `Media` for `Sources/Media/AAC/ADTSHeader.swift`.
        var room: String { String(self.path.split(separator: "/")[1]) }

        /// Whether the bytes of `needle` stand anywhere in the file. Many times faster than `contains`, with which these tests would take minutes.
        func mentions(_ needle: String) -> Bool {
            self.text.withCString { text in needle.withCString { needle in strstr(text, needle) != nil } }
        }
    }

    /// All files below a folder, by path. Folders whose name begins with a dot are the tools' business.
    static func files(in folder: String, ending suffix: String = "") throws -> [File] {
        try Self.paths(in: folder).filter { $0.hasSuffix(suffix) }.map { try Self.file($0) }
    }

    static func file(_ path: String) throws -> File {
        File(path: path, text: String(decoding: try Data(contentsOf: Self.root.appending(path: path)), as: UTF8.self))
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: Self.root.appending(path: path).path)
    }

    /// Names in a folder, sorted.
    static func names(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: Self.root.appending(path: folder).path).sorted()
    }

    private static func paths(in folder: String) throws -> [String] {
        var found: [String] = []
        for name in try Self.names(in: folder) where !name.hasPrefix(".") {
            let path = "\(folder)/\(name)"
            let kind = try FileManager.default.attributesOfItem(atPath: Self.root.appending(path: path).path)[.type] as? FileAttributeType
            switch kind {
            case .typeDirectory: found += try Self.paths(in: path)
            case .typeRegular: found.append(path)
            default: break  // A symbolic link leads to a file that is seen where it lies.
            }
        }
        return found
    }
}
