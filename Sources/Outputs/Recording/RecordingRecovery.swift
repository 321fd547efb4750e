import AV
import Media

/// Finishes recordings that a killed process has left behind.
public enum RecordingRecovery {
    /// Turns a temporary file, possibly cut anywhere, into a plain file of all its whole fragments.
    ///
    /// A temporary without media is removed (`nothingRecorded`). One that is gone because its recording had been finished gives that file's numbers.
    /// One that cannot be read or renamed now is left (`RecordingOutcome.isLeft`) for another call.
    /// - Parameter onProgress: how much is done, 0…1, on a thread that may block; only where that takes seconds.
    public static func recover(
        temporaryPath: String, request: RecordingRequest, startedAtMilliseconds: Int64, onProgress: @escaping @Sendable (Double) -> Void = { _ in }
    ) async -> RecordingOutcome {
        await self.recover(
            temporaryPath: temporaryPath, request: request, startedAtMilliseconds: startedAtMilliseconds, disk: .system, pool: .shared,
            onProgress: onProgress)
    }

    /// Whether the file is a recording of ours that has something in it, and no final name yet: `{name}.mp4.tmp_extension` and the like. Blocks.
    public static func isUnfinished(_ path: String, format: RecordingFormat) -> Bool {
        guard RecordingName(temporaryPath: path) != nil else { return false }
        do throws(RecordingFailure) {
            return try RecordingScan(path: path, format: format).fragments > 0
        } catch {
            return false
        }
    }

    static func recover(
        temporaryPath: String, request: RecordingRequest, startedAtMilliseconds: Int64, disk: RecordingDisk, pool: BlockingPool,
        onProgress: @escaping @Sendable (Double) -> Void = { _ in }
    ) async -> RecordingOutcome {
        guard let name = RecordingName(temporaryPath: temporaryPath) else {
            return self.outcome(
                request, startedAtMilliseconds,
                .init(name: RecordingName(directory: request.directory, fileName: request.baseName), bytes: 0, duration: .zero, failure: .invalidName)
            )
        }
        let result: RecordingFinisher.Result
        do throws(BlockingPool.Refusal) {
            result = try await pool.run { self.finish(name, request.format, disk: disk, onProgress: onProgress) }
        } catch {
            result = .init(name: name, bytes: 0, duration: .zero, failure: .io("too many files are being finished"), isLeft: true)
        }
        return self.outcome(request, startedAtMilliseconds, result)
    }

    private static func finish(
        _ name: RecordingName, _ format: RecordingFormat, disk: RecordingDisk, onProgress: @escaping (Double) -> Void
    ) -> RecordingFinisher.Result {
        // What an interrupted remuxing left.
        RecordingDisk.remove(name.remuxPath)
        // While a recording has a temporary, what lies at its final name is somebody else's. Without one it is the recording, plain, or the growing file
        // itself, which got the name for want of room and need not say how long it is.
        if RecordingDisk.isGone(name.temporaryPath), RecordingDisk.isGone(name.completePath),
            let bytes = RecordingDisk.size(of: name.path), bytes > 0, let probe = self.probe(name.path)
        {
            return .init(
                name: name, bytes: bytes, duration: probe.duration ?? self.scannedDuration(name, format) ?? .zero,
                hasPicture: probe.tracks.contains { $0.kind == .video })
        }
        return RecordingFinisher(name: name, format: format, disk: disk, minimumFreeBytes: 0, samples: nil, onProgress: onProgress).run()
    }

    /// Of a growing file that has the final name.
    private static func scannedDuration(_ name: RecordingName, _ format: RecordingFormat) -> MediaTime? {
        do throws(RecordingFailure) {
            return try RecordingScan(path: name.path, format: format).duration
        } catch {
            return nil
        }
    }

    /// nil when the file cannot be read as media.
    private static func probe(_ path: String) -> MediaProbe? {
        do throws(AVFailure) {
            return try MediaProbe(path: path)
        } catch {
            return nil
        }
    }

    private static func outcome(_ request: RecordingRequest, _ started: Int64, _ result: RecordingFinisher.Result) -> RecordingOutcome {
        RecordingOutcome(
            id: request.id, part: 0, path: result.name.path, fileName: result.name.fileName, startedAtMilliseconds: started,
            durationMilliseconds: result.duration.milliseconds, bytes: result.bytes, droppedFrames: 0, failure: result.failure,
            remuxFailure: result.remuxFailure, hasPicture: result.hasPicture, isLeft: result.isLeft)
    }
}
