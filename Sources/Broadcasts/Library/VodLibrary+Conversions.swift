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
    /// What a name leads to.
    private struct Source {
        /// The broadcast's.
        var id: String
        var kept: KeptHLS
        /// Of a rendition: how its playlist is called, without `.m3u8`, and its height.
        var rendition: (name: String, height: Int)?
    }

    /// Makes a VoD of the segments there are of a broadcast, or of one of its renditions.
    /// - Parameters:
    ///   - name: its id, or its playlist's name or that of a rendition of it, with or without `.m3u8`.
    ///   - streamName: of an id.
    ///   - removesSegments: also removes the segments, unless the broadcast is still being packaged or has gone on meanwhile.
    /// - Throws: `hlsNameBlank`, `hlsNotConverted` also when there are none, `store`.
    public func convertHLS(
        _ name: String, streamName: (String) throws(BroadcastError) -> String?, removesSegments: Bool
    ) async throws(BroadcastError) -> VodRecord {
        guard !name.trimmed.isEmpty else { throw .hlsNameBlank }
        guard let source = self.source(name), !self.isClosed else { throw .hlsNotConverted }
        let (id, kept) = (source.id, source.kept)
        let now = self.clock.wall()
        var vod = VodRecord(id: Self.newID(), streamID: id, kind: .stream, createdAt: now)
        // Contract 4.2, 4.3: as recordings are called.
        vod.name = "\(source.rendition?.name ?? id).mp4"
        vod.streamName = (try streamName(id) ?? id) + (source.rendition.map { " (\($0.height)p)" } ?? "")
        vod.startedAt = kept.startMilliseconds ?? 0
        vod.processStatus = VodProcess.queued.rawValue
        vod.processStartedAt = now
        let queued = vod
        try await stored { () async throws(StoreError) in try await self.database.vods.insert(queued) }
        let (workshop, streams, minimum) = (self.workshop, self.streams, self.configuration.minimumFreeBytes)
        let finished: VodRecord
        do throws(BroadcastError) {
            finished = try await self.finish(queued) { [patience = self.configuration.patience] progress, place in
                Self.convert(kept, as: place, in: workshop, within: patience, progress) { bytes in
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

    /// A broadcast may be called `a_adaptive` or `a_480p900kbps`; else that is the multivariant playlist of `a`, or that of a rendition of it.
    private func source(_ name: String) -> Source? {
        let stem = name.hasSuffix(".m3u8") ? String(name.dropLast(5)) : name
        let ids = stem.hasSuffix("_adaptive") ? [stem, String(stem.dropLast(9))] : [stem]
        for id in ids where StreamID.isValid(id) {
            if let kept = self.hls.kept(id) { return Source(id: id, kept: kept) }
        }
        guard let id = LivePath.renditionSource(of: stem), StreamID.isValid(id), let found = self.hls.kept(id, rendition: stem) else { return nil }
        return Source(id: id, kept: found.kept, rendition: (stem, found.height))
    }

    /// Blocks. Its shares: the segments are written, joined, and read and written once more for the index to come first.
    /// - Parameter patience: without a byte for so long it ends.
    static func convert(
        _ kept: KeptHLS, as place: String, in workshop: String, within patience: Duration, _ progress: JobProgress, hasRoom: (Int64) -> Bool
    ) -> Result<WorkFile.Made, AVFailure> {
        let pieces = (0..<kept.count).map { _ in WorkFile.path(Self.newID(), in: workshop) }
        let whole = WorkFile.path(Self.newID(), in: workshop)
        let interrupt = progress.interrupt
        let goesOn = { interrupt.arm(within: patience) }
        goesOn()
        defer {
            interrupt.disarm()
            for path in pieces + [whole] { unlink(path) }
        }
        do throws(AVFailure) {
            try WorkFile.makeFolder(workshop)
            let written = try kept.write(to: { pieces[$0] }, hasRoom: hasRoom, interrupt: interrupt) { share in
                progress.set(share * 0.4)
                goesOn()
            }
            let total = Double(max(1, written.bytes * 2))
            var bytes: Int64 = 0
            let sink = WatchedSink(try FileSink(path: whole, creation: .exclusive)) { count in
                bytes += count
                progress.set(0.4 + 0.5 * min(1, Double(bytes) / total))
                goesOn()
            }
            _ = try Remux.join(written.paths, to: sink, path: whole, interrupt: interrupt) { _ in goesOn() }
            try sink.synchronise()
            goesOn()
            let probe = try MediaProbe(path: whole, interrupt: interrupt)
            progress.set(0.95)
            let length = WorkFile.size(whole)
            guard try FileMove.keepingOthers(from: whole, to: place) == .moved else { throw .system("rename file", errno: EEXIST) }
            progress.set(1)
            return .success(
                WorkFile.Made(
                    durationMilliseconds: max(0, probe.duration?.milliseconds ?? 0), bytes: length, startMilliseconds: written.startMilliseconds,
                    hasPicture: probe.tracks.contains { $0.kind == .video }))
        } catch {
            return .failure(error)
        }
    }
}
