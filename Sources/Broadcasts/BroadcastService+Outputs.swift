import Logging
import Outputs
import Store
import Streams

extension BroadcastService {
    // MARK: Recording

    /// Starts or stops recording a live stream; for one that is not live, remembers the wish. Nil for the latter.
    /// - Parameters:
    ///   - type: `mp4` or `webm`.
    ///   - height: pixels; 0 is the stream as published.
    /// - Throws: `recordingTypeUnknown`, `unknownBroadcast`, `recordingNotStarted`, `recordingNotStopped`, `store`.
    public func setRecording(
        _ id: String, _ isWanted: Bool, type: String, height: Int, fileName: String?
    ) async throws(BroadcastError) -> RecordingTicket? {
        guard let format = RecordingFormat(rawValue: type) else { throw .recordingTypeUnknown }
        guard let record = try self.record(id) else { throw .unknownBroadcast }
        // Somebody may just have made room.
        if isWanted, self.room.isLow { await self.keeper.measure() }
        await self.lifecycle.catchUp(with: id)
        var ticket: RecordingTicket?
        if let supervisor = self.lifecycle.supervisor(id) {
            ticket = try await supervisor.setRecording(isWanted, record: record, format: format, height: height, fileName: fileName)
        }
        let flag = isWanted ? 1 : -1
        let updated = try await stored { () async throws(StoreError) in
            try await self.database.broadcasts.update(id) { record in
                switch format {
                case .mp4: record.output.mp4 = flag
                case .webM: record.output.webM = flag
                }
            }
        }
        if ticket == nil, updated == nil { throw .unknownBroadcast }
        // It may have gone live while the wish was written down.
        if ticket == nil, let updated, let supervisor = self.lifecycle.supervisor(id) {
            await supervisor.recordingWishChanged(updated, format)
        }
        return ticket
    }

    // MARK: Endpoints

    /// Adds a destination. It is connected at once if the stream is live, and the call does not wait for that. The endpoint's service id.
    public func addEndpoint(_ id: String, _ endpoint: BroadcastChanges.Endpoint?) async throws(BroadcastError) -> String {
        guard let endpoint, !endpoint.url.trimmed.isEmpty else { throw .endpointURLMissing }
        guard let record = try self.record(id) else { throw .unknownBroadcast }
        let url = endpoint.url.trimmed
        guard !record.endpoints.contains(where: { $0.url == url }) else { throw .endpointTaken(url: url) }
        let rules = self.endpointRules
        let serviceID = endpoint.serviceID.flatMap { $0.isEmpty ? nil : $0 } ?? EndpointRules.newServiceID()
        let height = max(0, endpoint.resolutionHeight)
        let supervisor = self.lifecycle.supervisor(id)
        guard rules.isValid(url), rules.isValid(serviceID: serviceID), record.endpoints.count < EndpointRules.most else { throw .endpointRefused }
        guard await supervisor?.canPush(height: height) ?? true else { throw .endpointRefused }
        let new = EndpointRecord(
            serviceID: serviceID, url: url, resolutionHeight: height, isEnabled: endpoint.isEnabled ?? true, addsSilence: endpoint.addsSilence)
        switch try await stored({ () async throws(StoreError) in try await self.database.broadcasts.addEndpoint(new, to: id) }) {
        case .added: break
        case .noBroadcast: throw .unknownBroadcast
        case .taken: throw record.endpoints.contains { $0.serviceID == serviceID } ? .endpointRefused : .endpointTaken(url: url)
        }
        self.logger.info("endpoint added", metadata: ["stream": "\(id)", "endpoint": "\(serviceID)"])
        await self.lifecycle.supervisor(id)?.rereadEndpoints()
        return serviceID
    }

    /// Removes a destination, in whatever state it is. Its connection is closed without waiting for it.
    public func removeEndpoint(_ id: String, serviceID: String?, height: Int) async throws(BroadcastError) {
        guard let serviceID, !serviceID.isEmpty, let record = try self.record(id) else { throw .unknownEndpoint }
        guard let endpoint = record.endpoints.first(where: { $0.serviceID == serviceID }) else { throw .unknownEndpoint }
        let isRunning = self.lifecycle.supervisor(id)?.board.serviceIDs.contains(serviceID) ?? false
        if isRunning, height > 0, endpoint.resolutionHeight > 0, height != endpoint.resolutionHeight { throw .unknownEndpoint }
        let isRemoved = try await stored { () async throws(StoreError) in
            try await self.database.broadcasts.removeEndpoint(serviceID, from: id)
        }
        guard isRemoved else { throw .unknownEndpoint }
        self.logger.info("endpoint removed", metadata: ["stream": "\(id)", "endpoint": "\(serviceID)"])
        await self.lifecycle.supervisor(id)?.rereadEndpoints()
    }

    /// Changes what is wanted of a destination: whether it is pushed to, and whether silent sound goes with pictures. Its session is opened or closed
    /// without waiting for it. Where it pushes to and what stays as it is.
    /// - Parameter height: that is given; nil: none is.
    /// - Throws: `unknownEndpoint`, `endpointRefused` when the URL or the height is another one, `store`.
    public func changeEndpoint(
        _ id: String, serviceID: String?, _ changes: BroadcastChanges.Endpoint, height: Int? = nil
    ) async throws(BroadcastError) {
        guard let serviceID, let present = try self.record(id)?.endpoints.first(where: { $0.serviceID == serviceID }) else { throw .unknownEndpoint }
        let url = changes.url.trimmed
        guard url.isEmpty || url == present.url, height == nil || height == present.resolutionHeight else { throw .endpointRefused }
        let updated = try await stored { () async throws(StoreError) in
            try await self.database.broadcasts.update(id) { record in
                guard let index = record.endpoints.firstIndex(where: { $0.serviceID == serviceID }) else { return }
                changes.apply(to: &record.endpoints[index])
            }
        }
        guard updated?.endpoints.contains(where: { $0.serviceID == serviceID }) == true else { throw .unknownEndpoint }
        self.logger.info("endpoint changed", metadata: ["stream": "\(id)", "endpoint": "\(serviceID)"])
        await self.lifecycle.supervisor(id)?.rereadEndpoints()
    }

    // MARK: Statistics

    /// Who watches one broadcast; all -1 when there is none.
    public func viewers(of id: String) throws(BroadcastError) -> ViewerStatistics {
        guard let record = try self.record(id) else { return ViewerStatistics() }
        let view = self.view(record)
        let isRTMP = view.live?.type == .rtmp
        return ViewerStatistics(rtmp: isRTMP ? view.live?.rtmpViewerCount ?? -1 : -1, hls: view.hlsViewers, webRTC: 0, dash: view.dashViewers)
    }

    /// Who watches anything. RTMP players are not summed up here, by contract.
    public func totalViewers() -> ViewerStatistics {
        ViewerStatistics(
            rtmp: -1, hls: max(0, self.outputs.hls.totalViewerCount()), webRTC: 0, dash: max(0, self.outputs.hls.totalDashViewerCount()),
            activeLiveStreams: self.activeCount())
    }
}
