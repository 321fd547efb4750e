import AV
public import Store
import Synchronization

/// Files that clients send (contract 1.23).
extension VodLibrary {
    /// Bytes of a file's name and of what a client says of it.
    private static let longestName = 1 << 10
    public static let longestMetadata = 64 << 10

    /// Whether a file of this name may be uploaded.
    /// - Throws: `vodExtensionUnsupported`, `textInvalid`.
    public func checkName(_ name: String) throws(BroadcastError) {
        guard Self.containers[Self.fileExtension(of: name)] != nil else { throw .vodExtensionUnsupported }
        guard name.utf8.count <= Self.longestName, !name.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else { throw .textInvalid(member: "name") }
    }

    /// Begins an upload. `declaredBytes`: what the client says it will send; nil when it does not.
    /// - Throws: `vodExtensionUnsupported`, `textInvalid`, `uploadTooLarge`, `libraryBusy` when as many are under way as may be or the disk has no
    ///   room, `fileNotWritten`.
    public func beginUpload(name: String, declaredBytes: Int64?) async throws(BroadcastError) -> VodUpload {
        try self.checkName(name)
        // The form around a file is small.
        if let declaredBytes, declaredBytes - (1 << 20) > self.configuration.maxUploadBytes {
            throw .uploadTooLarge(limit: self.configuration.maxUploadBytes)
        }
        let isAdmitted = self.uploading.withLock { uploading -> Bool in
            guard let count = uploading, count < self.configuration.uploads else { return false }
            uploading = count + 1
            return true
        }
        guard isAdmitted else { throw .libraryBusy }
        let place = VodUpload.Place { [weak self] in self?.uploading.withLock { $0 = $0.map { $0 - 1 } } }
        let id = Self.newID()
        let (streams, minimum) = (self.streams, self.configuration.minimumFreeBytes)
        let upload = VodUpload(
            id: id, name: name, path: WorkFile.path(id, in: self.workshop), limit: self.configuration.maxUploadBytes, place: place,
            hasRoom: { bytes in FreeSpace.bytes(at: streams).map { $0 - minimum >= bytes } ?? true }, isClosed: { self.isClosed })
        try await upload.open(in: self.workshop, expecting: max(0, declaredBytes ?? 0))
        return upload
    }

    /// Makes a VoD of what has come.
    /// - Throws: `mediaBroken` when it cannot be read; nothing of it is left then.
    public func finish(_ upload: VodUpload, metadata: String?) async throws(BroadcastError) -> VodRecord {
        if let metadata, metadata.utf8.count > Self.longestMetadata || metadata.utf8.contains(0) { throw .textInvalid(member: "metadata") }
        let now = self.clock.wall()
        var vod = VodRecord(id: upload.id, streamID: "file", kind: .uploaded, createdAt: now)
        vod.name = upload.name
        vod.streamName = upload.name
        vod.metadata = metadata
        vod.processStatus = VodProcess.queued.rawValue
        vod.processStartedAt = now
        vod.fileSize = try await upload.handOver()
        let path = upload.path
        do throws(StoreError) {
            try await self.database.vods.insert(vod)
        } catch {
            await self.drop(path)
            throw .store(error)
        }
        let formats = Self.containers[Self.fileExtension(of: upload.name)] ?? []
        do throws(BroadcastError) {
            return try await self.finish(vod) { [limit = self.configuration.checkTimeout] progress, place in
                WorkFile.publish(path, as: place, formats: formats, within: limit, progress)
            }
        } catch {
            await self.drop(path)
            throw error
        }
    }
}
