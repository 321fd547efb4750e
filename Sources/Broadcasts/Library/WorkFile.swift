import AV
import Media

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Files of the library while they are being made. Everything blocks.
enum WorkFile {
    /// What a finished file is.
    struct Made: Sendable {
        var durationMilliseconds: Int64
        var bytes: Int64
        /// When its first picture was, in milliseconds since 1970; nil when that is not known.
        var startMilliseconds: Int64?
        /// A picture of it can be made.
        var hasPicture = false
    }

    private static let ending = ".part"

    static func path(_ id: String, in workshop: String) -> String { "\(workshop)/\(id)\(Self.ending)" }

    /// Makes the folder where it is missing.
    static func makeFolder(_ workshop: String) throws(AVFailure) {
        guard mkdir(workshop, 0o755) == 0 || errno == EEXIST else { throw .system("make folder", errno: errno) }
    }

    /// Removes what an earlier process was making. Other files, which only a person can have put there, stay.
    static func sweep(_ workshop: String) {
        for name in DirectoryScan.names(in: workshop) where name.hasSuffix(Self.ending) {
            let id = name.dropLast(Self.ending.count)
            guard id.utf8.count == 24, id.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { continue }
            unlink("\(workshop)/\(name)")
        }
    }

    static func size(_ path: String) -> Int64 {
        var status = stat()
        return stat(path, &status) == 0 ? Int64(status.st_size) : 0
    }

    /// Looks at a whole file and gives it its name. A broken one is removed.
    static func publish(
        _ path: String, as place: String, formats: [String], within limit: Duration, _ progress: JobProgress
    ) -> Result<Made, AVFailure> {
        do throws(AVFailure) {
            let probe = try FileCheck.run(path: path, formats: formats, within: limit, interrupt: progress.interrupt) { progress.set($0 * 0.9) }
            let bytes = Self.size(path)
            guard try FileMove.keepingOthers(from: path, to: place) == .moved else { throw .system("rename file", errno: EEXIST) }
            progress.set(1)
            return .success(Made(probe, bytes: bytes))
        } catch {
            unlink(path)
            return .failure(error)
        }
    }

    /// What an earlier process had given its name, and so had found whole, but had not entered; nil when there is no such file, or when it is none of ours,
    /// which is removed.
    static func adopt(_ place: String, within limit: Duration) -> Made? {
        let bytes = Self.size(place)
        guard bytes > 0 else { return nil }
        do throws(AVFailure) {
            let formats = VodLibrary.containers[VodLibrary.fileExtension(of: place)] ?? []
            return Made(try FileCheck.run(path: place, formats: formats, within: limit), bytes: bytes)
        } catch {
            switch error.cause {
            case .cancelled, .timedOut, .noSuchFile, .noSpace, .permissionDenied, .outOfMemory, .library:
                // The moment's fault, and not the file's.
                return Made(durationMilliseconds: 0, bytes: bytes)
            case .invalidData, .unsupported:
                unlink(place)
                return nil
            }
        }
    }
}

extension WorkFile.Made {
    init(_ probe: MediaProbe, bytes: Int64) {
        self.init(durationMilliseconds: max(0, probe.duration?.milliseconds ?? 0), bytes: bytes, hasPicture: probe.hasPicture)
    }
}
