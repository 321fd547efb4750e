import Gateways
import Logging
import Store

/// What a change means for what is pulled.
extension BroadcastService {
    /// Leaves out what does not count for this broadcast: empty addresses, which clients send for members they never set, the URL of a playlist,
    /// and, while a playlist runs, its index, which is the server's then.
    func settled(_ changes: BroadcastChanges, for present: BroadcastRecord) -> BroadcastChanges {
        guard present.type.isPulled else { return changes }
        var changes = changes
        let source = changes.source
        if present.type == .playlist {
            changes.source.streamURL = nil
            if self.sources.board.session(present.id) != nil { changes.currentPlayIndex = nil }
        } else if PullPlanner.given(source.streamURL) == nil {
            changes.source.streamURL = nil
        }
        guard present.type == .ipCamera else { return changes }
        if PullPlanner.given(source.ipAddress) == nil { changes.source.ipAddress = nil }
        guard let address = changes.source.ipAddress, address != present.source.ipAddress else { return changes }
        let url = changes.source.streamURL
        if SourceURL.isPullableCamera(address) {
            // A new address that says where the stream is takes the place of the old URL, which would hide it.
            if url == nil || url == present.source.streamURL { changes.source.streamURL = address }
        } else if url == nil, present.source.streamURL == present.source.ipAddress {
            // The URL was the old address, and goes with it.
            changes.source.streamURL = ""
        }
        return changes
    }

    func checkSources(_ changes: BroadcastChanges, of present: BroadcastRecord) throws(BroadcastError) {
        if present.type == .ipCamera, let address = changes.source.ipAddress, !SourceURL.isValidCamera(address) {
            throw .cameraAddressInvalid(address)
        }
        try self.checkFetched(changes, type: present.type)
    }

    /// Nothing that must not be fetched is stored where it would be.
    func checkFetched(_ changes: BroadcastChanges, type: BroadcastType) throws(BroadcastError) {
        let planner = self.sources.environment.planner
        if type == .ipCamera || type == .streamSource, let url = PullPlanner.given(changes.source.streamURL), !SourceURL.isValid(url) {
            throw .sourceURLInvalid
        }
        func check(_ name: String?, type: String?) throws(BroadcastError) {
            guard let name = PullPlanner.given(name) else { return }
            guard !planner.isList(name) else { throw .listNotPlayable(name) }
            guard planner.mayBeStored(name, type: type) else { throw .sourceURLInvalid }
        }
        switch type {
        case .playlist:
            for item in changes.playListItems ?? [] { try check(item.streamUrl, type: item.type) }
        case .ipCamera:
            try check(changes.source.streamURL, type: nil)
            if let address = changes.source.ipAddress, SourceURL.isPullableCamera(address) { try check(address, type: nil) }
        case .streamSource, .vod: try check(changes.source.streamURL, type: type.rawValue)
        default: break
        }
    }

    /// Tries what a running source would be switched to. What does not work at the moment has nothing to lose: it is switched untried.
    func trySwitch(from present: BroadcastRecord, _ changes: BroadcastChanges) async throws(BroadcastError) {
        let id = present.id
        guard present.type.isPulled, present.type != .playlist, let status = self.sources.board.status(id) else { return }
        var wanted = present
        changes.apply(to: &wanted)
        let planner = self.sources.environment.planner
        let plan = try planner.plan(for: wanted)
        guard status.state == .broadcasting, let running = await self.sources.running[id]?.plan, !plan.fetchesTheSame(as: running) else { return }
        guard let item = plan.items.first, SourceURL.canBeTried(item.url) else { return }
        guard case .failure(let failure) = await self.switched.look(at: item) else { return }
        self.logger.notice("change refused, the new source does not work", metadata: ["stream": "\(id)", "reason": "\(failure.text)"])
        guard present.type == .ipCamera else { throw .sourceUnreachable(failure.text) }
        throw .cameraUnreachable(address: wanted.source.ipAddress ?? "", code: failure.cause == .unauthorized ? -2 : -1)
    }
}

extension BroadcastRecord {
    /// A planned start that has passed when it is given is none.
    mutating func settlePlannedStart(now milliseconds: Int64) {
        if self.schedule.plannedStart > 0, self.schedule.plannedStart <= milliseconds / 1000 {
            self.schedule.plannedStartDone = self.schedule.plannedStart
        }
    }

    private var knownDurations: [String: Int64] {
        var known: [String: Int64] = [:]
        for item in self.playlist.items ?? [] where ItemDurations.isFile(item) && item.durationInMs > 0 {
            known[item.streamUrl ?? ""] = item.durationInMs
        }
        return known
    }

    /// What was found out about a file stays, whatever the client's new list says of it.
    mutating func keepDurations(of earlier: BroadcastRecord) {
        guard var items = self.playlist.items, items != earlier.playlist.items else { return }
        let known = earlier.knownDurations
        for index in items.indices where ItemDurations.isFile(items[index]) {
            if let duration = known[items[index].streamUrl ?? ""] { items[index].durationInMs = duration }
        }
        self.playlist.items = items
    }

    /// The URLs of files that were not there before, or whose duration is not known.
    func newFiles(since earlier: BroadcastRecord?) -> [String] {
        guard self.type == .playlist else { return [] }
        let known = earlier?.knownDurations ?? [:]
        return (self.playlist.items ?? []).filter { ItemDurations.isFile($0) && known[$0.streamUrl ?? ""] == nil }.compactMap(\.streamUrl)
    }
}
