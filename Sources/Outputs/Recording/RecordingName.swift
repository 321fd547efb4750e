import AV
import Glibc

/// A recording's final name and the names it has until then (contract §4.2).
public struct RecordingName: Sendable, Equatable {
    public static let temporarySuffix = ".tmp_extension"
    /// The plain file while it is being made out of the fragmented one.
    static let remuxSuffix = ".tmp_remux"
    /// The plain file once all of it is there, until it has its final name.
    static let completeSuffix = ".tmp_complete"
    /// Linux allows 255; index, extension and suffix must still fit.
    static let longestNameBytes = 200
    static let highestIndex = 100_000

    public let directory: String
    public let fileName: String

    public var path: String { self.directory + "/" + self.fileName }
    public var temporaryPath: String { self.path + Self.temporarySuffix }
    var remuxPath: String { self.path + Self.remuxSuffix }
    var completePath: String { self.path + Self.completeSuffix }

    init(directory: String, fileName: String) {
        self.directory = directory
        self.fileName = fileName
    }

    /// nil unless `temporaryPath` is absolute and ends as temporaries do.
    init?(temporaryPath: String) {
        guard temporaryPath.hasPrefix("/"), temporaryPath.hasSuffix(Self.temporarySuffix), let slash = temporaryPath.lastIndex(of: "/") else {
            return nil
        }
        let name = temporaryPath[temporaryPath.index(after: slash)...].dropLast(Self.temporarySuffix.count)
        guard !name.isEmpty else { return nil }
        self.init(directory: String(temporaryPath[..<slash]), fileName: String(name))
    }

    /// The next free name, claimed by making its temporary: `base.mp4`, `base_1.mp4`, … A name is free when neither it nor its temporaries exist.
    /// Two recordings that ask at once get different names, whatever process they run in.
    static func claim(directory: String, baseName: String, format: RecordingFormat) throws(RecordingFailure) -> RecordingName {
        let directory = try self.validated(directory: directory)
        guard !baseName.isEmpty, baseName.utf8.count <= Self.longestNameBytes, !baseName.unicodeScalars.contains(where: { $0 == "/" || $0 == "\0" })
        else { throw .invalidName }
        try self.makeDirectory(directory)
        for index in 0...Self.highestIndex {
            let suffix = index == 0 ? "" : "_\(index)"
            let name = RecordingName(directory: directory, fileName: "\(baseName)\(suffix).\(format.rawValue)")
            if try name.claim() { return name }
        }
        throw .tooManyFiles
    }

    /// False when the name is taken.
    private func claim() throws(RecordingFailure) -> Bool {
        guard !self.isHeldByFile else { return false }
        let descriptor = open(self.temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            if errno == EEXIST { return false }
            throw RecordingFailure.system("create", self.temporaryPath, errno: errno)
        }
        _ = close(descriptor)
        // The recording that held this name may have been finished between the two calls above: then its file is there now.
        guard !self.isHeldByFile else {
            _ = unlink(self.temporaryPath)
            return false
        }
        return true
    }

    /// In this order: the complete file becomes the final one, never the other way round.
    private var isHeldByFile: Bool { access(self.completePath, F_OK) == 0 || access(self.path, F_OK) == 0 }

    private static func validated(directory: String) throws(RecordingFailure) -> String {
        guard directory.hasPrefix("/"), !directory.utf8.contains(0), !directory.split(separator: "/").contains("..") else { throw .invalidName }
        var trimmed = directory
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        return trimmed
    }

    private static func makeDirectory(_ directory: String) throws(RecordingFailure) {
        var path = ""
        for part in directory.split(separator: "/") {
            path += "/" + part
            if mkdir(path, 0o755) != 0, errno != EEXIST, errno != EISDIR, access(path, F_OK) != 0 {
                throw RecordingFailure.system("make directory", path, errno: errno)
            }
        }
    }
}

extension RecordingFailure {
    static func system(_ operation: String, _ path: String, errno number: Int32) -> RecordingFailure {
        number == ENOSPC || number == EDQUOT ? .diskFull : .io("\(operation) \(path): \(String(cString: strerror(number)))")
    }

    init(_ failure: AVFailure) {
        switch failure.cause {
        case .noSpace: self = .diskFull
        case .noSuchFile, .permissionDenied: self = .io(failure.description)
        case .cancelled, .timedOut, .invalidData, .unsupported, .outOfMemory, .library: self = .muxer(failure.description)
        }
    }
}
