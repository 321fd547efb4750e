import AV
import Logging
import Outputs
import Store

/// Removes VoDs: the file first, then what was made of it, the row last. Whoever dies in between leaves a row that leads to what is left, and the
/// next removal does the rest.
struct VodRemover: Sendable {
    enum Outsider: Sendable {
        /// The file is not ours, but the row goes.
        case isForgotten
        /// Neither is touched.
        case isKept
    }

    let database: Database
    let dataDirectory: String
    /// Of the pictures of VoDs; absolute.
    let pictureDirectory: String
    let logger: Logger
    let pool: BlockingPool

    /// - Parameter outsider: what becomes of a VoD whose file does not lie below the streams directory.
    /// - Throws: `unknownVod`, `fileNotRemoved`, `store`. Then the row is still there.
    func remove(_ id: String, outsider: Outsider) async throws(BroadcastError) {
        guard let vod = try stored({ () throws(StoreError) in try self.database.vods.find(id) }) else { throw .unknownVod }
        try await self.removeFile(of: vod, outsider: outsider)
        await self.removePictures(of: id)
        let removed = try await stored { () async throws(StoreError) in try await self.database.vods.delete(id) }
        guard let removed else { throw .unknownVod }
        // The work on it has ended between the two.
        if removed.filePath != vod.filePath { try await self.removeFile(of: removed, outsider: .isForgotten) }
        // Somebody may have made them while there was a row; from now on nobody does.
        await self.removePictures(of: id)
        self.logger.info("vod deleted", metadata: ["vod": "\(id)"])
    }

    /// What was imported is the user's own and stays.
    private func removeFile(of vod: VodRecord, outsider: Outsider) async throws(BroadcastError) {
        guard let path = vod.filePath, vod.type != VodRecord.Kind.imported.rawValue else { return }
        switch await self.removeFile(path) {
        case .removed, .absent: break
        case .outside:
            self.logger.warning("the file of a VoD is not ours to remove", metadata: ["vod": "\(vod.id)"])
            if outsider == .isKept { throw .fileNotRemoved("it is outside of the streams directory") }
        case .failed(let reason):
            self.logger.error("the file of a VoD was not removed", metadata: ["vod": "\(vod.id)", "error": "\(reason)"])
            throw .fileNotRemoved(reason)
        }
    }

    private func removePictures(of id: String) async {
        do throws(BlockingPool.Refusal) {
            try await self.pool.run { [pictureDirectory] in VodPictures.remove(id, in: pictureDirectory) }
        } catch {
            self.logger.warning("pictures of a VoD are left behind", metadata: ["vod": "\(id)"])
        }
    }

    /// Some file systems take a second to let go of a large file.
    private func removeFile(_ path: String) async -> VodFile.Removal {
        do throws(BlockingPool.Refusal) {
            return try await self.pool.run { [dataDirectory] in VodFile.remove(path, below: dataDirectory) }
        } catch {
            return .failed("too many files are being worked on")
        }
    }
}
