import AV
import Logging
import Outputs
import Store

/// What a recorder tells, in the order in which it does.
enum RecordingNews: Sendable {
    case started(StartedRecording)
    /// How much of its finishing is done, 0…1; only where that takes seconds.
    case progressed(id: String, share: Double)
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
    /// Of recordings that take long to be finished.
    let board = FinishingBoard()
    /// Recordings of which no file could be made yet.
    let left = LeftRecordings()

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
            case .progressed(let id, let share):
                if let note = notes[id] { await self.list(note, share: share) }
            case .ended(let outcome):
                guard let note = notes.removeValue(forKey: outcome.id) else { continue }
                await self.finish(note, outcome)
            }
        }
    }

    /// Shows that a recording is being made a plain file, as a VoD without one.
    func list(_ recording: UnfinishedRecording, share: Double) async {
        guard self.board.set(recording.vodID, share: share) else { return }
        var vod = VodRecord(id: recording.vodID, streamID: recording.streamID, kind: .stream, createdAt: self.clock.wall())
        vod.streamName = recording.streamName ?? recording.baseName
        vod.name = "\(recording.baseName).\(recording.format)"
        vod.startedAt = recording.startedAt
        vod.processStatus = VodProcess.processing.rawValue
        vod.processStartedAt = vod.createdAt
        do {
            try await self.database.recordings.list(vod)
        } catch {
            // It will be there with its file, and is not taken for one that somebody has deleted since.
            _ = self.board.remove(recording.vodID)
            self.logger.warning("a recording being finished is not listed", metadata: ["vod": "\(recording.vodID)", "error": "\(error)"])
        }
    }

    /// Makes a VoD of what was recorded, if anything, and tells of it.
    func finish(_ recording: UnfinishedRecording, _ outcome: RecordingOutcome) async {
        guard !outcome.isLeft else { return await self.leave(recording, outcome) }
        self.left.remove(recording.vodID)
        let hasFile = outcome.bytes > 0 && !outcome.path.isEmpty
        if let failure = outcome.failure {
            self.logger.warning(
                "recording failed",
                metadata: ["stream": "\(recording.streamID)", "vod": "\(recording.vodID)", "reason": "\(failure)", "kept": "\(hasFile)"])
            self.emit(.recordingFailed(streamID: recording.streamID, vodID: recording.vodID, reason: "\(failure)"))
            if failure == .diskFull { self.room.ranOut() }
        }
        if let failure = outcome.remuxFailure {
            self.logger.notice(
                "recording kept as it was written, without an index in front",
                metadata: ["stream": "\(recording.streamID)", "vod": "\(recording.vodID)", "reason": "\(failure)"])
            if failure == .diskFull { self.room.ranOut() }
        }
        let isListed = self.board.remove(recording.vodID)
        switch await self.enter(recording, as: hasFile ? self.vod(of: recording, outcome) : nil, isListed: isListed, outcome) {
        case .entered: break
        case .nothing: return
        case .failed:
            guard hasFile else { return }
            var recording = recording
            // It may have another name than its note says.
            recording.temporaryPath = outcome.path + RecordingName.temporarySuffix
            _ = self.left.add(recording, now: self.clock.now())
            return
        }
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

    /// No file could be made of it, and it is there: its note stays, and it is tried again. It is told of once.
    private func leave(_ recording: UnfinishedRecording, _ outcome: RecordingOutcome) async {
        let isNew = self.left.add(recording, now: self.clock.now())
        let reason = outcome.failure.map { "\($0)" } ?? "unknown"
        self.logger.log(
            level: isNew ? .error : .warning, "recording not finished, and left for another attempt",
            metadata: [
                "stream": "\(recording.streamID)", "vod": "\(recording.vodID)", "file": "\(recording.temporaryPath)", "reason": "\(reason)",
            ])
        if isNew { self.emit(.recordingFailed(streamID: recording.streamID, vodID: recording.vodID, reason: reason)) }
        guard self.board.remove(recording.vodID) else { return }
        do {
            try await self.database.recordings.unlist(recording.vodID)
        } catch {
            // It goes with the file's entry.
            self.logger.warning("an unfinished recording is still listed", metadata: ["vod": "\(recording.vodID)", "error": "\(error)"])
        }
    }

    /// A disk that was full when a recording ended may have room a moment later. Until then, and after a restart, the recording's note leads to its file.
    /// When somebody has deleted it while it was being finished, its file goes, too.
    private func enter(_ recording: UnfinishedRecording, as vod: VodRecord?, isListed: Bool, _ outcome: RecordingOutcome) async -> Entry {
        for attempt in 1...Self.mostEntries {
            do throws(StoreError) {
                if try await self.database.recordings.finish(recording.vodID, as: vod, isListed: isListed) { return .entered }
                guard vod != nil else { return .nothing }
                // Its note goes last, so that a process that dies in between leaves one that leads to the file.
                await self.discard(outcome)
                try await self.database.recordings.finish(recording.vodID, as: nil)
                return .nothing
            } catch {
                let isLast = error != .diskFull || attempt == Self.mostEntries
                if attempt == 1 || isLast {
                    self.logger.error(
                        "recording not entered",
                        metadata: ["stream": "\(recording.streamID)", "vod": "\(recording.vodID)", "error": "\(error)", "final": "\(isLast)"])
                }
                guard !isLast else { return .failed }
            }
            do { try await Task.sleep(for: .seconds(1)) } catch { return .failed }
        }
        return .failed
    }

    private enum Entry {
        case entered
        /// There is nothing to be entered, or not any more.
        case nothing
        /// Its note, and its file if it has one, are there.
        case failed
    }

    private func discard(_ outcome: RecordingOutcome) async {
        self.logger.notice("a recording was deleted while it was being finished", metadata: ["vod": "\(outcome.id)"])
        let (path, dataDirectory) = (self.relative(outcome.path), self.dataDirectory)
        do throws(BlockingPool.Refusal) {
            if case .failed(let reason) = try await BlockingPool.shared.run({ VodFile.remove(path, below: dataDirectory) }) {
                self.logger.error("its file was not removed", metadata: ["vod": "\(outcome.id)", "error": "\(reason)"])
            }
        } catch {
            self.logger.error("its file was not removed", metadata: ["vod": "\(outcome.id)", "error": "too many files are being worked on"])
        }
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
}
