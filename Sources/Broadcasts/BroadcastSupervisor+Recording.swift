import Logging
import Media
import Outputs
import Store
import Streams

/// What a client is told of a recording it started or stopped.
public struct RecordingTicket: Sendable, Equatable {
    /// The id that the resulting VoD has or will have.
    public var vodID: String
    /// Milliseconds since 1970.
    public var startedAt: Int64
}

extension BroadcastSupervisor {
    func wantsRecording(_ record: BroadcastRecord) -> Bool {
        record.output.mp4 == 1 || (record.output.mp4 == 0 && self.environment.configuration.recordMP4)
    }

    func startWantedRecording(_ record: BroadcastRecord) async {
        do {
            _ = try await self.beginRecording(record, fileName: nil)
        } catch {
            self.environment.emit(.recordingFailed(streamID: self.id, vodID: "", reason: "\(error)"))
        }
    }

    /// Starts or stops the recording of a live stream. Nil when the stream is not live: then there is only a wish to be stored.
    func setRecording(_ isWanted: Bool, record: BroadcastRecord, height: Int, fileName: String?) async throws(BroadcastError) -> RecordingTicket? {
        guard case .live = self.phase else { return nil }
        guard isWanted else {
            guard let active = self.recording else { throw .recordingNotStopped(type: "mp4") }
            self.stopRecording()
            return RecordingTicket(vodID: active.vodID, startedAt: active.startedAt)
        }
        let source = self.stream?.tracks.lazy.compactMap(\.video).first?.height ?? 0
        guard self.recording == nil, height <= 0 || height == source else { throw .recordingNotStarted(type: "mp4") }
        do {
            return try await self.beginRecording(record, fileName: fileName)
        } catch {
            throw error == .diskFull ? .recordingRefusedDiskLow(type: "mp4") : .recordingNotStarted(type: "mp4")
        }
    }

    private func beginRecording(_ record: BroadcastRecord, fileName: String?) async throws(RecordingFailure) -> RecordingTicket {
        guard let stream = self.stream else { throw .nothingRecorded }
        guard !self.environment.room.isLow else { throw .diskFull }
        let place = RecordingPlace(
            record: record, fileName: fileName, extension: "mp4", dataDirectory: self.environment.configuration.dataDirectory)
        let vodID = StreamID.random(24)
        let request = RecordingRequest(id: vodID, directory: place.directory, baseName: place.baseName, format: .mp4)
        let (news, continuation) = AsyncStream.makeStream(of: RecordingNews.self)
        let session = self.environment.outputs.makeRecorder(
            stream, request,
            RecorderCallbacks(
                onFileStarted: { continuation.yield(.started($0)) }, onEnd: { continuation.yield(.ended($0)) },
                onClosed: { continuation.finish() }))
        let started: StartedRecording
        do {
            started = try session.start()
        } catch {
            self.environment.logger.warning("recording not started", metadata: ["stream": "\(self.id)", "reason": "\(error)"])
            if error == .diskFull { self.environment.room.ranOut() }
            throw error
        }
        let note = self.note(of: started, record: record, place: place)
        self.recording = ActiveRecording(session: session, vodID: vodID, startedAt: note.startedAt)
        self.open += 1
        self.log("recording", ["vod": "\(vodID)", "file": "\(place.baseName)"])
        // Noted before the caller hears of it: what was answered survives a crash.
        await self.environment.ledger.begin(note)
        // Ends by itself, when the recorder is done.
        Task { [ledger = self.environment.ledger] in
            await ledger.follow(news, first: note)
            self.recordingClosed(vodID)
        }
        return RecordingTicket(vodID: vodID, startedAt: note.startedAt)
    }

    private func note(of started: StartedRecording, record: BroadcastRecord, place: RecordingPlace) -> UnfinishedRecording {
        var note = UnfinishedRecording(
            vodID: started.id, streamID: self.id, temporaryPath: started.temporaryPath, directory: place.directory, baseName: place.baseName,
            format: RecordingFormat.mp4.rawValue, startedAt: started.startedAtMilliseconds)
        note.streamName = record.about.name
        note.description = record.about.description
        note.metadata = record.about.metaData
        note.latitude = record.about.latitude
        note.longitude = record.about.longitude
        note.altitude = record.about.altitude
        return note
    }

    /// The file is finished off the live path; `recordingClosed` follows.
    func stopRecording() {
        self.recording?.session.stop()
        self.recording = nil
    }

    /// Also when the recorder gave up by itself: then the stream goes on unrecorded, until a client starts it again or the next publish.
    private func recordingClosed(_ vodID: String) {
        if self.recording?.vodID == vodID { self.recording = nil }
        self.open -= 1
        self.environment.mailbox.put(.outputEnded(id: self.id))
    }
}

extension BroadcastSupervisor {
    /// The stored wish was changed while the stream was not live; it may be by now.
    func recordingWishChanged(_ record: BroadcastRecord) async {
        guard case .live = self.phase else { return }
        switch (self.wantsRecording(record), self.recording) {
        case (true, nil): await self.startWantedRecording(record)
        case (false, .some): self.stopRecording()
        default: break
        }
    }
}
