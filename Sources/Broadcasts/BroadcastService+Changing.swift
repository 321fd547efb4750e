import Logging
import Store
import Streams

extension BroadcastService {
    /// Stores a new broadcast.
    /// - Throws: `idTaken`, `idInvalid`, `sourceURLInvalid`, `subFolderInvalid`, `textInvalid`, `endpointInvalid` and its like, `store`.
    public func create(_ changes: BroadcastChanges) async throws(BroadcastError) -> BroadcastView {
        let id = try self.checkedID(of: changes)
        let type = self.type(of: changes)
        switch type {
        case .ipCamera where !SourceURL.isValidCamera(changes.source.ipAddress ?? ""): throw .sourceURLInvalid
        case .streamSource where !SourceURL.isValid(changes.source.streamURL ?? ""): throw .sourceURLInvalid
        default: break
        }
        try self.checkFetched(changes, type: type)
        return try await self.store(changes, id: id, type: type)
    }

    func type(of changes: BroadcastChanges) -> BroadcastType {
        guard let type = changes.type, !type.isEmpty else { return .liveStream }
        return BroadcastType(rawValue: type)
    }

    func checkedID(of changes: BroadcastChanges) throws(BroadcastError) -> String {
        let given = changes.streamID.map { $0.trimmed } ?? ""
        guard !given.isEmpty else { return StreamID.random(24) }
        let isTaken = try self.record(given) != nil
        guard !isTaken else { throw .idTaken }
        guard StreamID.isValid(given) else { throw .idInvalid }
        return given
    }

    private func checkSubFolder(_ changes: BroadcastChanges) throws(BroadcastError) {
        if let folder = changes.output.subFolder, !RecordingPlace.isValid(subFolder: folder) { throw .subFolderInvalid }
    }

    func store(_ changes: BroadcastChanges, id: String, type: BroadcastType) async throws(BroadcastError) -> BroadcastView {
        try self.checkSubFolder(changes)
        try changes.validateTexts(of: id)
        try changes.validateEncoders()
        var record = BroadcastRecord(id: id, type: type, createdAt: self.clock.wall())
        changes.apply(to: &record)
        record.settlePlannedStart(now: self.clock.wall())
        if let endpoints = changes.endpoints { record.endpoints = try self.endpointRules.records(for: endpoints, present: []) }
        do {
            try await self.database.broadcasts.insert(record)
        } catch .duplicate {
            throw .idTaken
        } catch {
            throw .store(error)
        }
        self.logger.info("broadcast created", metadata: ["stream": "\(id)", "type": "\(type.rawValue)"])
        if record.limits.hasViewerLimit { await self.limits.reread(id) }
        await self.sources.reread(id)
        self.durations.find(record.newFiles(since: nil), of: id)
        return self.view(record)
    }

    var endpointRules: EndpointRules { EndpointRules(isValidDestination: self.outputs.isValidDestination) }

    /// Applies what is given; the rest stays. A running source goes on undisturbed unless its URL or credentials change; then the new ones are tried
    /// before it is stopped, and nothing is stored when they do not work.
    /// - Throws: `nothingGiven`, `unknownBroadcast`, `sourceURLInvalid`, `cameraAddressInvalid`, `subFolderInvalid`, `textInvalid`, `endpointInvalid`
    ///   and its like, `cameraUnreachable`, `sourceUnreachable`, `store`.
    public func update(_ id: String, _ changes: BroadcastChanges?) async throws(BroadcastError) {
        guard let changes else { throw .nothingGiven }
        guard let present = try self.record(id) else { throw .unknownBroadcast }
        let settled = self.settled(changes, for: present)
        try self.checkSources(settled, of: present)
        try self.checkSubFolder(settled)
        try settled.validateTexts(of: id)
        try settled.validateEncoders()
        let rules = self.endpointRules
        // Whether the list is right cannot depend on what is stored by then: what is there already was right.
        if let endpoints = settled.endpoints { _ = try rules.records(for: endpoints, present: present.endpoints) }
        try await self.trySwitch(from: present, settled)
        let now = self.clock.wall()
        let updated = try await stored { () async throws(StoreError) in
            try await self.database.broadcasts.update(id) { record in
                let before = record
                settled.apply(to: &record)
                record.keepDurations(of: before)
                if record.schedule.plannedStart != before.schedule.plannedStart { record.settlePlannedStart(now: now) }
                guard let endpoints = settled.endpoints else { return }
                do { record.endpoints = try rules.records(for: endpoints, present: record.endpoints) } catch { return }
            }
        }
        guard let updated else { throw .unknownBroadcast }
        if settled.schedule.hlsViewerLimit != nil || settled.schedule.dashViewerLimit != nil { await self.limits.reread(id) }
        await self.sources.reread(id)
        if settled.playListItems != nil { self.durations.find(updated.newFiles(since: present), of: id) }
        if settled.endpoints != nil { await self.lifecycle.supervisor(id)?.rereadEndpoints() }
        if settled.source.backupID != nil { await self.lifecycle.supervisor(id)?.backupChanged() }
        if settled.output.encoders != nil { await self.lifecycle.supervisor(id)?.renditionsChanged(updated) }
    }

    /// Removes a broadcast, with its subtracks if wanted, and sends their publishers away. Whether a publisher of its own was. Recordings under way
    /// are finished and stay.
    public func delete(_ id: String, withSubtracks: Bool) async throws(BroadcastError) -> Bool {
        guard StreamID.isValid(id) else { throw .unknownBroadcast }
        let removed = try await stored { () async throws(StoreError) in
            try await self.database.broadcasts.delete(id, withSubtracks: withSubtracks)
        }
        guard !removed.isEmpty else { throw .unknownBroadcast }
        var wasStopped = false
        for gone in removed {
            await self.limits.reread(gone)
            await self.lifecycle.letGo(gone)
            let wasPulled = await self.sources.removed(gone)
            let stopped = self.lifecycle.stop(gone, reason: .deleted) || wasPulled
            self.outputs.pictures?.forget(gone)
            if gone == id { wasStopped = stopped }
            self.logger.info("broadcast deleted", metadata: ["stream": "\(gone)", "live": "\(stopped)"])
        }
        return wasStopped
    }
}

extension String {
    /// Without blanks, tabs and line breaks at its ends. Other control characters stay, to be refused.
    var trimmed: String {
        let isBlank: (Unicode.Scalar) -> Bool = { $0 == " " || $0 == "\t" || $0 == "\n" || $0 == "\r" }
        guard let first = self.unicodeScalars.firstIndex(where: { !isBlank($0) }),
            let last = self.unicodeScalars.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(self.unicodeScalars[first...last])
    }
}
