import Outputs
import Store

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Where a recording goes: all names that clients influence are made safe here.
struct RecordingPlace: Sendable, Equatable {
    /// Absolute.
    var directory: String
    /// Without extension.
    var baseName: String

    /// File names end at 255 bytes; this leaves room for an index, the extension and `.tmp_extension`.
    static let longestName = 200

    /// Contract 4.2: what a client names is called so, whatever is recorded; else a rendition's name says which it is.
    init(record: BroadcastRecord, rendition: Rendition? = nil, fileName: String?, extension ending: String, dataDirectory: String) {
        var folder = Self.expand(record.output.subFolder ?? "", id: record.id, mainTrack: record.about.mainTrackID)
        // An imported directory is not ours to write to. Better in the wrong folder than not recorded.
        if let first = folder.split(separator: "/").first, Self.isLink("\(dataDirectory)/streams/\(first)") { folder = "" }
        self.directory = dataDirectory + "/streams" + (folder.isEmpty ? "" : "/" + folder)
        let given = fileName.map { Self.sanitise($0, extension: ending) } ?? ""
        let suffix = rendition.map { "_" + $0.suffix } ?? ""
        self.baseName =
            Self.visible(
                given.isEmpty
                    ? Self.prefix(record.id, bytes: Self.longestName - suffix.utf8.count) + suffix : Self.prefix(given, bytes: Self.longestName))
    }

    /// What begins with a dot is hidden, and never served.
    private static func visible(_ name: String) -> String { name.hasPrefix(".") ? "_" + name.dropFirst() : name }

    private static func isLink(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
    }

    /// A folder below `streams/`: relative, no step upwards, nothing a file system or a log could stumble over.
    static func isValid(subFolder: String) -> Bool {
        guard subFolder.utf8.count <= 1024, !subFolder.hasPrefix("/"), !subFolder.contains("\\") else { return false }
        guard !subFolder.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return false }
        return !subFolder.contains("..") && subFolder.split(separator: "/").allSatisfy { $0.utf8.count <= Self.longestName }
    }

    /// `%m` becomes the main track's id and `%s` the broadcast's; empty parts collapse. What is not a plain name after that is dropped.
    static func expand(_ subFolder: String, id: String, mainTrack: String?) -> String {
        guard Self.isValid(subFolder: subFolder) else { return "" }
        let parts = subFolder.split(separator: "/").map { part in
            String(part).replacing("%m", with: mainTrack.map { StreamID.isValid($0) ? $0 : "" } ?? "").replacing("%s", with: id)
        }
        let plain = parts.filter { !$0.isEmpty && $0 != "." && $0 != ".." }
        return plain.map { Self.visible(Self.prefix($0, bytes: Self.longestName)) }.joined(separator: "/")
    }

    /// Control characters and slashes become `_`, the ending that will be added anyway goes, at most 120 characters remain.
    static func sanitise(_ fileName: String, extension ending: String) -> String {
        var name = String(
            String.UnicodeScalarView(
                fileName.unicodeScalars.map { scalar in
                    scalar == "/" || scalar == "\\" || scalar.properties.generalCategory == .control ? "_" : scalar
                }))
        if name.lowercased().hasSuffix("." + ending) { name = String(name.dropLast(ending.count + 1)) }
        return String(name.prefix(120))
    }

    /// As many whole characters as fit.
    private static func prefix(_ text: String, bytes: Int) -> String {
        var result = text
        while result.utf8.count > bytes { result.removeLast() }
        return result
    }
}
