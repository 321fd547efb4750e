import AV
import Glibc
import Media
import NIOCore

/// Turns the temporary of a recording, made of fragments or clusters, into the final file. Blocks; runs on the pool for such work.
///
/// 1. Whatever follows the last whole fragment is cut off.
/// 2. The fragments are copied into a second temporary, a plain mp4 or WebM with its index in front, which is synced.
/// 3. That gets a name which says that it is complete; the fragmented temporary is removed, and the complete file gets the final name.
/// Where 2 is impossible (no room, or the copy fails), the fragmented file itself gets the final name: it plays, too.
/// At every moment one of the three exists, so a crash in between loses nothing; and a file that somebody else has put at the final name is never
/// taken for the recording, because the recording has a temporary then.
struct RecordingFinisher {
    var name: RecordingName
    var format: RecordingFormat
    var disk: RecordingDisk
    var minimumFreeBytes: Int64
    /// Packets that must be in the final file; nil when nobody counted.
    var samples: Int?
    /// How much is done, 0…1, now and then, if it takes long enough for somebody to wonder.
    var onProgress: (Double) -> Void = { _ in }

    /// The copying; putting the index in front writes everything once more.
    private static let copyingShare = 0.6

    struct Result {
        var name: RecordingName
        var bytes: Int64
        var duration: MediaTime
        /// Why there is no file.
        var failure: RecordingFailure?
        /// Why the file is the growing one instead of a plain one.
        var remuxFailure: RecordingFailure?
        var hasPicture = false
        /// Nothing could be made of the temporary, but it is there, or may be: another attempt is worth while.
        var isLeft = false
    }

    func run() -> Result {
        do throws(RecordingFailure) {
            if RecordingDisk.size(of: self.name.completePath) != nil { return try self.publishComplete() }
            let scan = try RecordingScan(path: self.name.temporaryPath, format: self.format)
            guard scan.fragments > 0 else {
                // What is not one of our files is left for a person to look at.
                if scan.isOurs { RecordingDisk.remove(self.name.temporaryPath) }
                return self.nothing(.nothingRecorded)
            }
            guard truncate(self.name.temporaryPath, off_t(scan.wholeBytes)) == 0 else {
                throw RecordingFailure.system("cut", self.name.temporaryPath, errno: errno)
            }
            return try self.finish(scan)
        } catch {
            var result = self.nothing(error)
            result.isLeft = !RecordingDisk.isGone(self.name.temporaryPath) || !RecordingDisk.isGone(self.name.completePath)
            return result
        }
    }

    private func finish(_ scan: RecordingScan) throws(RecordingFailure) -> Result {
        do throws(RecordingFailure) {
            try self.remux(bytes: scan.wholeBytes)
            try RecordingDisk.rename(self.name.remuxPath, to: self.name.completePath)
        } catch {
            RecordingDisk.remove(self.name.remuxPath)
            var result = try self.publish(self.name.temporaryPath)
            result.remuxFailure = error
            // A WebM without an index does not say how long it is.
            if let duration = scan.duration { result.duration = duration }
            return result
        }
        return try self.publishComplete()
    }

    private func publishComplete() throws(RecordingFailure) -> Result {
        RecordingDisk.remove(self.name.temporaryPath)
        return try self.publish(self.name.completePath)
    }

    private func remux(bytes: Int64) throws(RecordingFailure) {
        if let free = self.disk.freeBytes(self.name.directory), free < bytes + self.minimumFreeBytes { throw .diskFull }
        var pace = ProgressPace(now: .now())
        do throws(AVFailure) {
            let sink = try self.disk.open(self.name.remuxPath)
            let copied = try Remux.faststart(
                from: self.name.temporaryPath, to: sink, path: self.name.remuxPath, format: self.format.finished
            ) { share in
                if pace.isDue(.now()) { self.onProgress(share * Self.copyingShare) }
            }
            // A parser on the way may join or leave out a few packets (MP3's first); more than one in a hundred is a loss.
            if let samples = self.samples, copied.packets * 100 < (samples - 2) * 99 {
                throw AVFailure(cause: .invalidData, operation: "remux", text: "\(copied.packets) of \(samples) packets were copied")
            }
            try sink.synchronise()
        } catch {
            throw RecordingFailure(error)
        }
    }

    /// Gives `path` the final name, or the next free one when somebody else took that.
    private func publish(_ path: String) throws(RecordingFailure) -> Result {
        var name = self.name
        var index = 0
        do throws(AVFailure) {
            while try FileMove.keepingOthers(from: path, to: name.path) == .nameIsTaken {
                index += 1
                guard index <= RecordingName.highestIndex else { throw .system("rename recording", errno: EEXIST) }
                name = self.name.alternative(index)
            }
        } catch {
            throw RecordingFailure(error)
        }
        let bytes = RecordingDisk.size(of: name.path) ?? 0
        do throws(AVFailure) {
            let probe = try MediaProbe(path: name.path)
            return Result(
                name: name, bytes: bytes, duration: probe.duration ?? .zero, hasPicture: probe.tracks.contains { $0.kind == .video })
        } catch {
            return Result(name: name, bytes: bytes, duration: .zero, failure: RecordingFailure(error))
        }
    }

    private func nothing(_ failure: RecordingFailure) -> Result {
        Result(name: self.name, bytes: 0, duration: .zero, failure: failure)
    }
}

extension RecordingName {
    /// The same name with one more index: `cam.mp4` → `cam_1.mp4`.
    func alternative(_ index: Int) -> RecordingName {
        guard let dot = self.fileName.lastIndex(of: ".") else {
            return RecordingName(directory: self.directory, fileName: "\(self.fileName)_\(index)")
        }
        return RecordingName(directory: self.directory, fileName: "\(self.fileName[..<dot])_\(index)\(self.fileName[dot...])")
    }
}
