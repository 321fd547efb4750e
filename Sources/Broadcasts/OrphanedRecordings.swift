import Foundation
import Outputs
import Store

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Finds recordings that nobody noted: a process died, or its database failed, between the making of a file and its note.
struct OrphanedRecordings {
    private static let deepest = 16
    /// Names that are looked at; a folder of recordings has thousands.
    private static let most = 1_000_000

    private struct FileID: Hashable {
        let device: dev_t
        let number: ino_t

        init(_ status: stat) {
            self.device = status.st_dev
            self.number = status.st_ino
        }
    }

    /// Whatever way leads to them.
    private let known: Set<FileID>
    private let wall: Int64
    private var looked = 0
    private var found: [UnfinishedRecording] = []

    /// Looks through a directory of recordings before any recording runs. Blocks. Follows no links.
    /// - Parameters:
    ///   - known: temporary files that have a note.
    ///   - wall: milliseconds since 1970.
    static func find(below directory: String, known: Set<String>, wall: Int64) -> [UnfinishedRecording] {
        var search = OrphanedRecordings(known: known, wall: wall)
        search.look(through: directory, depth: 0)
        return search.found
    }

    private init(known: Set<String>, wall: Int64) {
        self.known = Set(
            known.compactMap { path in
                var status = stat()
                return stat(path, &status) == 0 ? FileID(status) : nil
            })
        self.wall = wall
    }

    private mutating func look(through directory: String, depth: Int) {
        for name in DirectoryScan.names(in: directory) where name != "." && name != ".." {
            self.looked += 1
            guard self.looked <= Self.most else { return }
            let path = "\(directory)/\(name)"
            var status = stat()
            guard lstat(path, &status) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFDIR where depth < Self.deepest: self.look(through: path, depth: depth + 1)
            case S_IFREG: self.take(path, named: name, in: directory, status)
            default: break
            }
        }
    }

    private mutating func take(_ path: String, named name: String, in directory: String, _ status: stat) {
        guard name.hasSuffix(RecordingName.temporarySuffix), !self.known.contains(FileID(status)) else { return }
        let final = name.dropLast(RecordingName.temporarySuffix.count)
        guard let dot = final.lastIndex(of: "."), let format = RecordingFormat(rawValue: String(final[final.index(after: dot)...])),
            RecordingRecovery.isUnfinished(path, format: format)
        else { return }
        let base = String(final[..<dot])
        self.found.append(
            UnfinishedRecording(
                vodID: StreamID.random(24), streamID: Self.streamID(of: base), temporaryPath: path, directory: directory, baseName: base,
                format: format.rawValue, startedAt: min(Int64(status.st_mtim.tv_sec) * 1000, self.wall)))
    }

    /// `demo_480p500kbps_2` was a recording of `demo`, as far as its name says.
    private static func streamID(of base: String) -> String {
        let id = base.prefixMatch(of: /(.+?)(_\d+p(\d+kbps)?)?(_\d+)?$/).map { String($0.1) } ?? base
        return StreamID.isValid(id) ? id : ""
    }
}
