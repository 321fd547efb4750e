import Logging
import Media
import NIOCore
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
    func wantsRecording(_ record: BroadcastRecord, as format: RecordingFormat) -> Bool {
        let configuration = self.environment.configuration
        let (own, setting) =
            switch format {
            case .mp4: (record.output.mp4, configuration.recordMP4)
            case .webM: (record.output.webM, configuration.recordWebM)
            }
        return own == 1 || (own == 0 && setting)
    }

    /// Begins what is wished for and does not run.
    func startWantedRecordings(_ record: BroadcastRecord) async {
        for format in RecordingFormat.allCases where self.wantsRecording(record, as: format) {
            guard self.recordings[RecordingKey(height: 0, format: format)] == nil else { continue }
            await self.startWantedRecording(record, format)
            guard case .live = self.phase else { return }
        }
    }

    private func startWantedRecording(_ record: BroadcastRecord, _ format: RecordingFormat) async {
        do {
            // What was published while the start was being stored is in it.
            _ = try await self.beginRecording(record, rendition: nil, format: format, fileName: nil, from: .allGroups)
        } catch {
            self.environment.emit(.recordingFailed(streamID: self.id, vodID: "", reason: "\(error)"))
            self.resume(RecordingKey(height: 0, format: format), fileName: nil, after: .zero)
        }
    }

    /// Starts or stops a recording of a live stream. Nil when the stream is not live: then there is only a wish to be stored.
    /// - Parameter height: of the rendition that is meant; 0, or the source's own, is the stream as published. Where that is not recorded, 0, or a height
    ///   that is not there, stops the lowest rendition's recording.
    func setRecording(
        _ isWanted: Bool, record: BroadcastRecord, format: RecordingFormat, height: Int, fileName: String?
    ) async throws(BroadcastError) -> RecordingTicket? {
        guard case .live = self.phase else { return nil }
        let type = format.rawValue
        guard isWanted else {
            // Contract 1.10: a height that means nothing is ignored, and the first recording is stopped.
            let first = self.isMade(height: height) ? nil : self.recordings.keys.filter { $0.format == format }.map(\.height).min()
            guard let active = self.recorded(height: height, format) ?? first.map({ RecordingKey(height: $0, format: format) }),
                let recording = self.recordings[active]
            else { throw .recordingNotStopped(type: type) }
            self.stopRecording(active)
            return RecordingTicket(vodID: recording.vodID, startedAt: recording.startedAt)
        }
        var rendition: Rendition?
        if height > 0, height != self.sourceHeight {
            rendition = self.environment.outputs.renditions.rendition(of: self.id, height: height)
            guard rendition != nil else { throw .recordingNotStarted(type: type) }
        }
        guard self.recordings[RecordingKey(height: rendition?.height ?? 0, format: format)] == nil else { throw .recordingNotStarted(type: type) }
        do {
            return try await self.beginRecording(record, rendition: rendition, format: format, fileName: fileName)
        } catch {
            throw error == .diskFull ? .recordingRefusedDiskLow(type: type) : .recordingNotStarted(type: type)
        }
    }

    var sourceHeight: Int { self.stream?.tracks.lazy.compactMap(\.video).first?.shownHeight ?? 0 }

    /// There is something of this very height.
    private func isMade(height: Int) -> Bool {
        height > 0 && (height == self.sourceHeight || self.environment.outputs.renditions.rendition(of: self.id, height: height) != nil)
    }

    /// Which of the running recordings this height means.
    private func recorded(height: Int, _ format: RecordingFormat) -> RecordingKey? {
        let height = height <= 0 || height == self.sourceHeight ? 0 : RenditionSetting.evenHeight(height)
        let key = RecordingKey(height: height, format: format)
        return self.recordings[key] == nil ? nil : key
    }

    private func beginRecording(
        _ record: BroadcastRecord, rendition: Rendition?, format: RecordingFormat, fileName: String?, from start: StreamStart = .latestGroup
    ) async throws(RecordingFailure) -> RecordingTicket {
        let stream = if let rendition { self.environment.streams.find(rendition.key(of: self.id)) } else { self.stream }
        guard let stream else { throw .nothingRecorded }
        guard !self.environment.room.isLow else { throw .diskFull }
        let place = RecordingPlace(
            record: record, rendition: rendition, fileName: fileName, extension: format.rawValue,
            dataDirectory: self.environment.configuration.dataDirectory)
        let key = RecordingKey(height: rendition?.height ?? 0, format: format)
        let vodID = StreamID.random(24)
        let request = RecordingRequest(id: vodID, directory: place.directory, baseName: place.baseName, format: format, start: start)
        let (news, continuation) = AsyncStream.makeStream(of: RecordingNews.self)
        let session = self.environment.outputs.makeRecorder(
            stream, request,
            RecorderCallbacks(
                onFileStarted: { continuation.yield(.started($0)) }, onProgress: { continuation.yield(.progressed(id: $0, share: $1)) },
                onEnd: { continuation.yield(.ended($0)) }, onClosed: { continuation.finish() }))
        let started: StartedRecording
        do {
            started = try session.start()
        } catch {
            self.environment.logger.warning("recording not started", metadata: ["stream": "\(self.id)", "reason": "\(error)"])
            if error == .diskFull { self.environment.room.ranOut() }
            throw error
        }
        var note = self.note(of: started, format, record: record, place: place)
        // Contract 4.3.
        if let rendition { note.streamName = (record.about.name ?? record.id) + " (\(rendition.height)p)" }
        self.recordings[key] = ActiveRecording(
            session: session, vodID: vodID, startedAt: note.startedAt, fileName: fileName, began: self.environment.clock.now())
        self.drops.add(session, as: vodID)
        self.open += 1
        self.log("recording", ["vod": "\(vodID)", "file": "\(place.baseName).\(format.rawValue)"])
        // Noted before the caller hears of it: what was answered survives a crash.
        await self.environment.ledger.begin(note)
        // Ends by itself, when the recorder is done.
        Task { [ledger = self.environment.ledger, note] in
            await ledger.follow(news, first: note)
            self.recordingClosed(vodID)
        }
        return RecordingTicket(vodID: vodID, startedAt: note.startedAt)
    }

    private func note(
        of started: StartedRecording, _ format: RecordingFormat, record: BroadcastRecord, place: RecordingPlace
    ) -> UnfinishedRecording {
        var note = UnfinishedRecording(
            vodID: started.id, streamID: self.id, temporaryPath: started.temporaryPath, directory: place.directory, baseName: place.baseName,
            format: format.rawValue, startedAt: started.startedAtMilliseconds)
        note.streamName = record.about.name
        note.description = record.about.description
        note.metadata = record.about.metaData
        note.latitude = record.about.latitude
        note.longitude = record.about.longitude
        note.altitude = record.about.altitude
        return note
    }

    /// The file is finished off the live path; `recordingClosed` follows.
    private func stopRecording(_ key: RecordingKey) {
        self.recordings.removeValue(forKey: key)?.session.stop()
    }

    func stopRecordings() {
        for format in RecordingFormat.allCases { self.stopRecordings(format) }
    }

    private func stopRecordings(_ format: RecordingFormat) {
        for key in Array(self.recordings.keys) where key.format == format { self.stopRecording(key) }
    }

    /// Also when the recorder gave up by itself, as on a full disk: then it is begun anew, if it is still wanted.
    private func recordingClosed(_ vodID: String) {
        let broken = self.recordings.first { $0.value.vodID == vodID }
        if let broken { self.recordings[broken.key] = nil }
        self.drops.close(vodID)
        self.open -= 1
        if let (key, recording) = broken {
            self.resume(key, fileName: recording.fileName, after: self.environment.clock.now() - recording.began)
        }
        self.environment.mailbox.put(.outputEnded(id: self.id))
    }
}

// MARK: What broke off

extension BroadcastSupervisor {
    private static let longestRecordingPause = TimeAmount.minutes(5)
    /// What has lasted so long has not failed because of what failed before.
    private static let goodRecording = TimeAmount.minutes(1)

    /// Begins a recording anew after a pause, which doubles while it does not last, and waits for room on the disk.
    private func resume(_ key: RecordingKey, fileName: String?, after length: TimeAmount) {
        guard case .live = self.phase, self.brokenRecordings.insert(key).inserted else { return }
        let first = self.environment.configuration.recordingPause
        let last = length < Self.goodRecording ? self.recordingPauses[key] : nil
        let pause = last.map { min($0 * 2, Self.longestRecordingPause) } ?? first
        self.recordingPauses[key] = pause
        // Ends by itself, at the latest with the stream and a pause.
        Task { [weak self] in
            var wait = pause
            repeat {
                let stretched = wait + .nanoseconds(.random(in: 0...wait.nanoseconds / 4))
                do { try await Task.sleep(for: .nanoseconds(stretched.nanoseconds)) } catch { return }
                wait = first
            } while await self?.waitsForRoom == true
            await self?.recordAgain(key, fileName: fileName)
        }
    }

    private var waitsForRoom: Bool {
        guard case .live = self.phase else { return false }
        return self.environment.room.isLow
    }

    private func recordAgain(_ key: RecordingKey, fileName: String?) async {
        self.brokenRecordings.remove(key)
        guard case .live = self.phase, self.recordings[key] == nil else { return }
        do {
            guard let record = try self.environment.database.broadcasts.find(self.id), self.wantsRecording(record, as: key.format) else { return }
            var rendition: Rendition?
            if key.height > 0 {
                rendition = self.environment.outputs.renditions.rendition(of: self.id, height: key.height)
                guard rendition != nil else { return }
            }
            do {
                _ = try await self.beginRecording(record, rendition: rendition, format: key.format, fileName: fileName)
                self.log("a recording that had broken off goes on in another file", ["type": "\(key.format.rawValue)"])
            } catch {
                self.environment.emit(.recordingFailed(streamID: self.id, vodID: "", reason: "\(error)"))
                self.resume(key, fileName: fileName, after: .zero)
            }
        } catch {
            self.complain("a recording that had broken off is not begun anew", error)
            self.resume(key, fileName: fileName, after: .zero)
        }
    }
}

extension BroadcastSupervisor {
    /// The stored wish was changed while the stream was not live; it may be by now.
    func recordingWishChanged(_ record: BroadcastRecord, _ format: RecordingFormat) async {
        guard case .live = self.phase else { return }
        let isRunning = self.recordings[RecordingKey(height: 0, format: format)] != nil
        switch (self.wantsRecording(record, as: format), isRunning) {
        case (true, false): await self.startWantedRecording(record, format)
        case (false, true): self.stopRecordings(format)
        default: break
        }
    }
}
