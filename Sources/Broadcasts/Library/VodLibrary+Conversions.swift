import AV
import Logging
import Media
import Outputs
public import Store

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// What live HLS has kept becomes a file (contract 1.21).
extension VodLibrary {
    /// Makes a VoD of the segments there are of a broadcast.
    /// - Parameters:
    ///   - name: its id, or its playlist's name, with or without `.m3u8`.
    ///   - streamName: of an id.
    ///   - removesSegments: also removes the segments, unless the broadcast is still being packaged or has gone on meanwhile.
    /// - Throws: `hlsNameBlank`, `hlsNotConverted` also when there are none, `store`.
    public func convertHLS(
        _ name: String, streamName: (String) throws(BroadcastError) -> String?, removesSegments: Bool
    ) async throws(BroadcastError) -> VodRecord {
        guard !name.trimmed.isEmpty else { throw .hlsNameBlank }
        guard let (id, kept) = self.kept(name), !self.isClosed else { throw .hlsNotConverted }
        let now = self.clock.wall()
        var vod = VodRecord(id: Self.newID(), streamID: id, kind: .stream, createdAt: now)
        vod.name = "\(id).mp4"
        vod.streamName = try streamName(id) ?? id
        vod.startedAt = kept.startMilliseconds ?? 0
        vod.processStatus = VodProcess.queued.rawValue
        vod.processStartedAt = now
        let queued = vod
        try await stored { () async throws(StoreError) in try await self.database.vods.insert(queued) }
        let (workshop, streams, minimum) = (self.workshop, self.streams, self.configuration.minimumFreeBytes)
        let finished: VodRecord
        do throws(BroadcastError) {
            finished = try await self.finish(queued) { progress, place in
                Self.convert(kept, as: place, in: workshop, progress) { bytes in
                    FreeSpace.bytes(at: streams).map { $0 - minimum >= bytes } ?? true
                }
            }
        } catch {
            if case .store = error { throw error }
            throw .hlsNotConverted
        }
        if removesSegments, !self.hls.removeKept(kept) {
            self.logger.info("segments stay, for their broadcast goes on", metadata: ["stream": "\(id)"])
        }
        return finished
    }

    /// A broadcast may be called `a_adaptive`; else that is the multivariant playlist of `a`.
    private func kept(_ name: String) -> (id: String, kept: KeptHLS)? {
        let stem = name.hasSuffix(".m3u8") ? String(name.dropLast(5)) : name
        let ids = stem.hasSuffix("_adaptive") ? [stem, String(stem.dropLast(9))] : [stem]
        for id in ids where StreamID.isValid(id) {
            if let kept = self.hls.kept(id) { return (id, kept) }
        }
        return nil
    }

    /// Blocks.
    private static func convert(
        _ kept: KeptHLS, as place: String, in workshop: String, _ progress: JobProgress, hasRoom: (Int64) -> Bool
    ) -> Result<WorkFile.Made, AVFailure> {
        let pieces = (0..<kept.count).map { _ in WorkFile.path(Self.newID(), in: workshop) }
        let whole = WorkFile.path(Self.newID(), in: workshop)
        defer { for path in pieces + [whole] { unlink(path) } }
        do throws(AVFailure) {
            try WorkFile.makeFolder(workshop)
            let written = try kept.write(
                to: { pieces[$0] }, hasRoom: hasRoom, interrupt: progress.interrupt, onProgress: { progress.set($0 * 0.4) })
            let sink = try FileSink(path: whole, creation: .exclusive)
            _ = try Remux.join(written.paths, to: sink, path: whole, interrupt: progress.interrupt) { progress.set(0.4 + $0 * 0.5) }
            try sink.synchronise()
            let probe = try MediaProbe(path: whole, interrupt: progress.interrupt)
            let bytes = WorkFile.size(whole)
            guard try FileMove.keepingOthers(from: whole, to: place) == .moved else { throw .system("rename file", errno: EEXIST) }
            return .success(
                WorkFile.Made(
                    durationMilliseconds: max(0, probe.duration?.milliseconds ?? 0), bytes: bytes, startMilliseconds: written.startMilliseconds))
        } catch {
            return .failure(error)
        }
    }
}
