import Logging
import Outputs
import Store

/// What a recorder tells, in the order in which it does.
enum RecordingNews: Sendable {
    case started(StartedRecording)
    case ended(RecordingOutcome)
}

/// Keeps the rows of recordings and VoDs in step with the files.
struct RecordingLedger: Sendable {
    /// How often a full disk is asked for room, once a second.
    private static let mostEntries = 60

    let database: Database
    let dataDirectory: String
    let clock: BroadcastClock
    let logger: Logger
    let emit: @Sendable (BroadcastEvent) -> Void
    let room: RecordingRoom
    /// Nil: recordings get no posters by themselves.
    let posters: VodPictureMaker?

    /// Notes a recording that has begun, so that its file is found again if this process dies.
    func begin(_ recording: UnfinishedRecording) async {
        do {
            try await self.database.recordings.begin(recording)
        } catch {
            // The recording goes on; only a crash would now leave its file without a VoD.
            self.logger.error("recording not noted", metadata: ["stream": "\(recording.streamID)", "vod": "\(recording.vodID)", "error": "\(error)"])
        }
    }

    /// Enters what a recorder tells, in order, until it is done.
    func follow(_ news: AsyncStream<RecordingNews>, first: UnfinishedRecording) async {
        var notes = [first.vodID: first]
        for await item in news {
            switch item {
            case .started(let file):
                var note = first
                note.vodID = file.id
                note.temporaryPath = file.temporaryPath
                note.startedAt = file.startedAtMilliseconds
                notes[file.id] = note
                await self.begin(note)
            case .ended(let outcome):
                guard let note = notes.removeValue(forKey: outcome.id) else { continue }
                await self.finish(note, outcome)
            }
        }
    }

    /// Makes a VoD of what was recorded, if anything, and tells of it.
    func finish(_ recording: UnfinishedRecording, _ outcome: RecordingOutcome) async {
        let hasFile = outcome.bytes > 0 && !outcome.path.isEmpty
        if let failure = outcome.failure {
            self.logger.warning(
                "recording failed",
                metadata: ["stream": "\(recording.streamID)", "vod": "\(recording.vodID)", "reason": "\(failure)", "kept": "\(hasFile)"])
            self.emit(.recordingFailed(streamID: recording.streamID, vodID: recording.vodID, reason: "\(failure)"))
            if failure == .diskFull { self.room.ranOut() }
        }
        guard await self.enter(recording, as: hasFile ? self.vod(of: recording, outcome) : nil), hasFile else { return }
        self.room.recordingFinished()
        if outcome.hasPicture, let posters = self.posters {
            // Ends by itself; the maker's end is its end.
            Task { _ = await posters.make(.poster, of: recording.vodID) }
        }
        self.emit(
            .vodReady(
                streamID: recording.streamID, vodID: recording.vodID, fileName: outcome.fileName,
                durationMilliseconds: outcome.durationMilliseconds))
    }

    /// A disk that was full when a recording ended may have room a moment later. Until then, and after a restart, the recording's note leads to its file.
    private func enter(_ recording: UnfinishedRecording, as vod: VodRecord?) async -> Bool {
        for attempt in 1...Self.mostEntries {
            do throws(StoreError) {
                try await self.database.recordings.finish(recording.vodID, as: vod)
                return true
            } catch {
                let isLast = error != .diskFull || attempt == Self.mostEntries
                if attempt == 1 || isLast {
                    self.logger.error(
                        "recording not entered",
                        metadata: ["stream": "\(recording.streamID)", "vod": "\(recording.vodID)", "error": "\(error)", "final": "\(isLast)"])
                }
                guard !isLast else { return false }
            }
            do { try await Task.sleep(for: .seconds(1)) } catch { return false }
        }
        return false
    }

    private func vod(of recording: UnfinishedRecording, _ outcome: RecordingOutcome) -> VodRecord {
        var vod = VodRecord(id: recording.vodID, streamID: recording.streamID, kind: .stream, createdAt: self.clock.wall())
        vod.streamName = recording.streamName ?? outcome.fileName
        vod.name = outcome.fileName
        vod.startedAt = recording.startedAt
        vod.duration = outcome.durationMilliseconds
        vod.fileSize = Int64(clamping: outcome.bytes)
        vod.filePath = self.relative(outcome.path)
        // Made in a moment, or when somebody asks for it.
        if outcome.hasPicture, self.posters != nil { vod.previewPath = VodPictureMaker.previewPath(of: recording.vodID) }
        vod.description = recording.description
        vod.metadata = recording.metadata
        vod.latitude = recording.latitude
        vod.longitude = recording.longitude
        vod.altitude = recording.altitude
        return vod
    }

    /// `streams/…` of a path below the data directory; other paths as they are.
    private func relative(_ path: String) -> String {
        path.hasPrefix(self.dataDirectory + "/") ? String(path.dropFirst(self.dataDirectory.utf8.count + 1)) : path
    }

    /// Turns what an earlier process was writing into VoDs, one after the other. Stops between two when cancelled; the rest waits for the next
    /// start.
    func recover(_ recordings: [UnfinishedRecording], with recover: @Sendable (String, RecordingRequest, Int64) async -> RecordingOutcome) async {
        for recording in recordings {
            guard !Task.isCancelled else { return }
            guard let format = RecordingFormat(rawValue: recording.format) else {
                self.logger.error("recording of an unknown format", metadata: ["vod": "\(recording.vodID)", "format": "\(recording.format)"])
                continue
            }
            let request = RecordingRequest(
                id: recording.vodID, directory: recording.directory, baseName: recording.baseName, format: format)
            let outcome = await recover(recording.temporaryPath, request, recording.startedAt)
            self.logger.info(
                "recording recovered", metadata: ["stream": "\(recording.streamID)", "vod": "\(recording.vodID)", "bytes": "\(outcome.bytes)"])
            await self.finish(recording, outcome)
        }
    }
}
