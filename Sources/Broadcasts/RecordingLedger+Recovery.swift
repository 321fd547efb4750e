import Logging
import Outputs
import Store

/// What was being written when its process died, and what could not be finished since.
extension RecordingLedger {
    /// What takes seconds to be copied.
    private static let longWorkBytes: Int64 = 256_000_000

    /// Turns what an earlier process was writing into VoDs, one after the other. Stops between two when cancelled; the rest waits for the next
    /// start.
    func recover(_ recordings: [UnfinishedRecording], with recover: OutputFactory.Recovery) async {
        for recording in recordings {
            guard !Task.isCancelled else { return }
            await self.recover(recording, with: recover)
        }
    }

    /// Tries again what could not be finished, each less and less often, until it is cancelled.
    func recoverLeft(with recover: OutputFactory.Recovery) async {
        while !Task.isCancelled {
            do { try await Task.sleep(for: LeftRecordings.interval) } catch { return }
            await self.recoverDue(with: recover)
        }
    }

    func recoverDue(with recover: OutputFactory.Recovery) async { await self.recover(self.left.due(now: self.clock.now()), with: recover) }

    private func recover(_ recording: UnfinishedRecording, with recover: OutputFactory.Recovery) async {
        guard let format = RecordingFormat(rawValue: recording.format) else {
            self.logger.error("recording of an unknown format", metadata: ["vod": "\(recording.vodID)", "format": "\(recording.format)"])
            return
        }
        let request = RecordingRequest(
            id: recording.vodID, directory: recording.directory, baseName: recording.baseName, format: format)
        if WorkFile.size(recording.temporaryPath) > Self.longWorkBytes { await self.list(recording, share: 0) }
        let (board, id) = (self.board, recording.vodID)
        let outcome = await recover(recording.temporaryPath, request, recording.startedAt) { board.update(id, share: $0) }
        self.logger.info(
            outcome.isLeft ? "recording not recovered" : "recording recovered",
            metadata: ["stream": "\(recording.streamID)", "vod": "\(recording.vodID)", "bytes": "\(outcome.bytes)"])
        await self.finish(recording, outcome)
    }
}
