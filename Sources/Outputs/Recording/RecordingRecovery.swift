import AV
import Media

/// Finishes recordings that a killed process has left behind.
public enum RecordingRecovery {
    /// Turns a temporary file, possibly cut anywhere, into a plain file of all its whole fragments.
    ///
    /// A temporary without media is removed (`nothingRecorded`). One that is gone because its recording had been finished gives that file's numbers.
    /// - Parameter onProgress: how much is done, 0…1, on a thread that may block; only where that takes seconds.
    public static func recover(
        temporaryPath: String, request: RecordingRequest, startedAtMilliseconds: Int64, onProgress: @escaping @Sendable (Double) -> Void = { _ in }
    ) async -> RecordingOutcome {
        await self.recover(
            temporaryPath: temporaryPath, request: request, startedAtMilliseconds: startedAtMilliseconds, disk: .system, pool: .shared,
            onProgress: onProgress)
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
            result = .init(name: name, bytes: 0, duration: .zero, failure: .io("too many files are being finished"))
        }
        return self.outcome(request, startedAtMilliseconds, result)
    }

    private static func finish(
        _ name: RecordingName, _ format: RecordingFormat, disk: RecordingDisk, onProgress: @escaping (Double) -> Void
    ) -> RecordingFinisher.Result {
        // What an interrupted remuxing left.
        RecordingDisk.remove(name.remuxPath)
        // While the temporary exists nobody else takes the final name, so a final file can only be this recording's own, complete one.
        // Without the temporary it may be the growing file itself, which got the name for want of room and need not say how long it is.
        if let bytes = RecordingDisk.size(of: name.path), bytes > 0, let probe = self.probe(name.path),
            let duration = probe.duration ?? self.scannedDuration(name, format)
        {
            RecordingDisk.remove(name.temporaryPath)
            return .init(
                name: name, bytes: bytes, duration: duration, failure: nil, hasPicture: probe.tracks.contains { $0.kind == .video })
        }
        return RecordingFinisher(name: name, format: format, disk: disk, minimumFreeBytes: 0, samples: nil, onProgress: onProgress).run()
    }

    /// What is in a growing file that has the final name; nil while there is a temporary, which then is what counts.
    private static func scannedDuration(_ name: RecordingName, _ format: RecordingFormat) -> MediaTime? {
        guard RecordingDisk.size(of: name.temporaryPath) == nil else { return nil }
        do throws(RecordingFailure) {
            return try RecordingScan(path: name.path, format: format).duration ?? .zero
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
            hasPicture: result.hasPicture)
    }
}
