import Foundation
import Glibc

/// The directory that holds everything the server keeps. One server at a time may use it.
final class DataDirectory {
    enum Failure: Error, CustomStringConvertible {
        case notUsable(path: String, reason: String)
        case inUse(path: String)

        var description: String {
            switch self {
            case .notUsable(let path, let reason): "the data directory \(path) cannot be used: \(reason)"
            case .inUse(let path): "the data directory \(path) is used by another Martlet"
            }
        }
    }

    /// Absolute, without links.
    let path: String
    var database: String { self.path + "/martlet.sqlite" }
    /// Recordings and uploads: what `VoD.filePath` names.
    var streams: String { self.path + "/streams" }
    /// Live segments; emptied at the start.
    var live: String { self.path + "/live" }
    /// Pictures of live streams, and of files: what is given out below `/{app}/previews/`.
    var livePictures: String { self.path + "/previews/live" }
    var vodPictures: String { self.path + "/previews/vods" }

    private let lock: Int32

    /// Makes the directory where it is missing, and locks it until this object goes.
    init(path: String) throws(Failure) {
        let absolute = URL(fileURLWithPath: path).standardizedFileURL.resolvingSymlinksInPath().path
        self.path = absolute
        do {
            for directory in ["", "/streams", "/live", "/previews/live", "/previews/vods"] {
                try FileManager.default.createDirectory(atPath: absolute + directory, withIntermediateDirectories: true)
            }
        } catch {
            throw .notUsable(path: absolute, reason: "\(error.localizedDescription)")
        }
        let descriptor = open(absolute + "/martlet.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .notUsable(path: absolute, reason: String(cString: strerror(errno))) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            Glibc.close(descriptor)
            throw .inUse(path: absolute)
        }
        self.lock = descriptor
    }

    deinit {
        Glibc.close(self.lock)
    }
}
