public import Gateways
import Media
public import NIOCore
import Store
import Streams

/// What a start or a stop was done to; the contract answers differently.
public enum StartedOrStopped: Sendable, Equatable {
    case publisher
    case source
    case playlist
}

extension BroadcastService {
    // MARK: Starting and stopping

    /// Starts to pull, and remembers that this is wanted. `source` or `playlist`. It has begun, not connected.
    /// - Throws: in this order `unknownBroadcast`; `alreadyActive` or `playlistAlreadyRunning`; `noSource`, `typeNotStartable`, `playlistEmpty`,
    ///   `cameraUnreachable` (no stream URL, and an address that would need ONVIF), `sourceURLInvalid` (it may not be fetched),
    ///   `listNotPlayable` or `nothingPlayable`; `resourcesExhausted`; `store`.
    public func startPull(_ id: String) async throws(BroadcastError) -> StartedOrStopped {
        let started: StartedOrStopped
        do throws(BroadcastError) {
            started = try await self.sources.start(id, .asked)
        } catch {
            switch error {
            case .nothingPlayable, .listNotPlayable:
                // Contract 3.8: such a list counts as played to its end.
                _ = try await stored { () async throws(StoreError) in try await self.database.broadcasts.sourceStopped(id) }
            default: break
            }
            throw error
        }
        if started == .playlist, let items = try self.record(id)?.playlist.items {
            self.durations.find(items.filter { ItemDurations.isFile($0) && $0.durationInMs == 0 }.compactMap(\.streamUrl), of: id)
        }
        return started
    }

    /// Stops what is pulled at once, or sends the publisher away; those of its subtracks too if wanted.
    /// - Throws: `unknownBroadcast`, `notLive`, `nothingPulled`, `store`.
    @discardableResult
    public func stop(_ id: String, withSubtracks: Bool) async throws(BroadcastError) -> StartedOrStopped {
        guard let record = try self.record(id) else { throw .unknownBroadcast }
        if withSubtracks {
            let subtracks = try stored { () throws(StoreError) in try self.database.broadcasts.subtracks(of: id) }
            for subtrack in subtracks where subtrack != id {
                await self.lifecycle.letGo(subtrack)
                if try await !self.sources.stop(subtrack) { _ = self.lifecycle.stop(subtrack, reason: .stoppedByUser) }
            }
        }
        await self.lifecycle.letGo(id)
        if record.type.isPulled, try await self.sources.stop(id) { return record.type == .playlist ? .playlist : .source }
        guard !self.lifecycle.stop(id, reason: .stoppedByUser) else { return .publisher }
        throw record.type.isPulled ? .nothingPulled : .notLive
    }

    /// Stores a new broadcast and starts to pull it; it is removed again if that cannot be begun. Its id.
    /// - Throws: in this order `nothingGiven`, `idTaken` or `idInvalid`, `resourcesExhausted`, `autoStartTypeInvalid`, `cameraAddressInvalid` or
    ///   `sourceURLInvalid`, `cameraUnreachable`, what `create` throws else, `fetcherNotStarted`, `store`.
    public func createAndStart(_ changes: BroadcastChanges?) async throws(BroadcastError) -> String {
        guard var changes else { throw .nothingGiven }
        let id = try self.checkedID(of: changes)
        guard await self.sources.hasRoom else { throw .resourcesExhausted }
        var type = self.type(of: changes)
        switch type {
        case .ipCamera:
            let address = changes.source.ipAddress ?? ""
            guard SourceURL.isValidCamera(address) else { throw .cameraAddressInvalid(address) }
        case .streamSource:
            let url = changes.source.streamURL ?? ""
            guard SourceURL.isValid(url) else { throw .sourceURLInvalid }
            if SourceURL.makesVod(url) { type = .vod }
        default: throw .autoStartTypeInvalid
        }
        changes.streamID = id
        try self.checkFetched(changes, type: type)
        // What cannot be pulled is not stored either.
        var planned = BroadcastRecord(id: id, type: type, createdAt: self.clock.wall())
        changes.apply(to: &planned)
        _ = try self.sources.environment.planner.plan(for: planned)
        _ = try await self.store(changes, id: id, type: type)
        do throws(BroadcastError) {
            _ = try await self.sources.start(id, .asked)
        } catch {
            _ = try await self.delete(id, withSubtracks: false)
            if case .store = error { throw error }
            throw .fetcherNotStarted
        }
        return id
    }

    // MARK: Asking a running pull

    /// Goes to a time within what is played; nothing happens when it is behind its end, or cannot be seeked in.
    /// - Throws: `idBlank`, `noActiveSource`.
    public func seek(_ id: String, toMilliseconds time: Int64) throws(BroadcastError) {
        guard !id.trimmed.isEmpty else { throw .idBlank }
        guard let session = self.sources.board.session(id) else { throw .noActiveSource }
        _ = session.seek(to: MediaTime(milliseconds: PullPlanner.within(time)))
    }

    /// Goes to an item at once; nil or a negative one is the next.
    /// - Throws: in this order `unknownBroadcast`, `notAPlaylist`, `indexOutOfList`, `playlistNotRunning`; `indexOutOfList` too for the next after
    ///   the last of a list that does not loop, which goes on with what it plays; `store`.
    public func nextItem(_ id: String, index: Int?) throws(BroadcastError) {
        guard let record = try self.record(id) else { throw .unknownBroadcast }
        guard record.type == .playlist else { throw .notAPlaylist }
        let wanted = index.flatMap { $0 < 0 ? nil : $0 }
        guard wanted ?? -1 < (record.playlist.items ?? []).count else { throw .indexOutOfList }
        guard let session = self.sources.board.session(id) else { throw .playlistNotRunning }
        guard session.skip(to: wanted) else { throw .indexOutOfList }
    }

    /// Why the newest try to open a source failed; nil when it did not.
    /// - Throws: `unknownBroadcast`, `cameraNeedsONVIF`, `nothingPulled`, `store`.
    public func ipCameraError(_ id: String) throws(BroadcastError) -> PullFailure? {
        if let status = self.sources.board.status(id) { return status.lastFailure }
        guard let record = try self.record(id) else { throw .unknownBroadcast }
        let source = record.source
        if record.type == .ipCamera, PullPlanner.given(source.streamURL) == nil, let address = PullPlanner.given(source.ipAddress),
            !SourceURL.isPullableCamera(address)
        {
            throw .cameraNeedsONVIF(address: address)
        }
        throw .nothingPulled
    }

    /// How long what can be fetched from a URL is, or a file of the library, in milliseconds. Answers within `Configuration.sources.probeTimeout`, and
    /// what others who ask at the same time take.
    /// - Throws: `urlBlank`, `durationUnknown`.
    public func duration(ofURL url: String) async throws(BroadcastError) -> Int64 {
        guard !url.trimmed.isEmpty else { throw .urlBlank }
        let planner = self.sources.environment.planner
        guard let item = planner.item(url, type: BroadcastType.vod.rawValue), planner.refusal(item) == nil else { throw .durationUnknown(code: -2) }
        let duration = ItemDurations.milliseconds(of: await self.asked.look(at: item))
        guard duration >= 0 else { throw .durationUnknown(code: Int(duration)) }
        return duration
    }

    // MARK: Viewers

    /// Somebody wants to watch: starts a source that waits for viewers. True when it is being started or is on, so that the viewer should be held.
    /// Never blocks, asks no database: for event loops.
    public func viewerArrived(_ id: String) -> Bool { self.sources.viewerArrived(id) }

    /// True as soon as the broadcast is live, false when it is not in time, or is not pulled any more.
    public func whenLive(_ id: String, on eventLoop: any EventLoop, within limit: TimeAmount) -> EventLoopFuture<Bool> {
        self.sources.demand.whenLive(id, on: eventLoop, within: limit) { self.streams.find(StreamKey(id))?.isLive ?? false }
    }
}
