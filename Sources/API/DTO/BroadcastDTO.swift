import Broadcasts
import Gateways
import Media
import Outputs
import Store
import Streams

/// The contract's Broadcast (2.1): every member is always there, in its order, null where there is nothing to say.
struct BroadcastDTO: JSONWritable {
    var view: BroadcastView
    var app: String
    /// Where publishers reach this server.
    var host: String
    var srtPort: Int?

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            self.writeIdentity(to: &writer)
            self.writeSource(to: &writer)
            self.writeSettings(to: &writer)
            self.writeCounters(to: &writer)
            self.writeRun(to: &writer)
            self.writeRest(to: &writer)
        }
    }

    private var record: BroadcastRecord { self.view.record }
    private var live: StreamSnapshot? { self.view.live }
    /// A pull is running, but nothing comes from it: what its last stream was like no longer holds.
    private var isOpening: Bool { self.live == nil && self.view.pull != nil }

    private func writeIdentity(to writer: inout JSONWriter) {
        let record = self.record
        let about = record.about
        writer.member("streamId", record.id)
        writer.member("status", self.view.status.rawValue)
        writer.member("playListStatus", record.playlist.status)
        writer.member("type", record.type.rawValue)
        writer.member("publishType", self.live?.type.rawValue ?? record.run.publishType)
        writer.member("name", about.name)
        writer.member("description", about.description)
        writer.member("publish", about.publish)
        writer.member("date", record.createdAt)
        writer.member("plannedStartDate", record.schedule.plannedStart)
        writer.member("plannedEndDate", record.schedule.plannedEnd)
        writer.member("duration", self.live.map { max(0, self.view.now - $0.startedAtMilliseconds) } ?? record.run.duration)
        let endpoints = record.endpoints.map { EndpointDTO(record: $0, running: self.view.endpointStatuses[$0.serviceID]) }
        writer.member("endPointList", endpoints.isEmpty ? nil : endpoints)
        writer.member("playListItemList", record.playlist.items)
        writer.member("publicStream", about.publicStream)
        writer.member("is360", about.is360)
        writer.member("listenerHookURL", record.output.hookURL)
        writer.member("category", about.category)
    }

    private func writeSource(to writer: inout JSONWriter) {
        let source = self.record.source
        writer.member("ipAddr", source.ipAddress)
        writer.member("username", source.username)
        writer.member("password", source.password)
        writer.member("quality", self.record.about.quality)
        let speed = self.live?.speed ?? (self.isOpening ? 0 : self.record.run.speed)
        writer.member("speed", (speed * 1000).rounded() / 1000)
        writer.member("streamUrl", source.streamURL)
        writer.member("originAdress", self.host)
    }

    private func writeSettings(to writer: inout JSONWriter) {
        let record = self.record
        writer.member("mp4Enabled", record.output.mp4)
        writer.member("webMEnabled", record.output.webM)
        writer.member("seekTimeInMs", record.source.seekTime)
        writer.member("subtracksLimit", record.limits.subtracks)
        writer.member("expireDurationMS", record.schedule.expireDuration)
        writer.member("rtmpURL", "rtmp://\(self.host)/\(self.app)/\(record.id)")
        writer.member("zombi", record.isZombi)
    }

    private func writeCounters(to writer: inout JSONWriter) {
        let run = self.record.run
        let video = self.live?.tracks.lazy.compactMap(\.video).first
        writer.member("pendingPacketSize", 0)
        writer.member("hlsViewerCount", self.view.hlsViewers)
        writer.member("dashViewerCount", self.view.dashViewers)
        writer.member("webRTCViewerCount", 0)
        writer.member("rtmpViewerCount", self.live?.rtmpViewerCount ?? 0)
        writer.member("startTime", self.live?.startedAtMilliseconds ?? run.startedAt)
        writer.member("receivedBytes", self.live.map { Int64(clamping: $0.receivedBytes) } ?? run.receivedBytes)
        writer.member("bitrate", self.live.map { Int64($0.bitrate) } ?? (self.isOpening ? 0 : run.bitrate))
        writer.member("width", self.live == nil ? run.width : video?.shownWidth ?? 0)
        writer.member("height", self.live == nil ? run.height : video?.shownHeight ?? 0)
        writer.member("encoderQueueSize", 0)
        writer.member("dropPacketCountInIngestion", self.live?.droppedFrames ?? 0)
        writer.member("dropFrameCountInEncoding", self.view.droppedInEncoding)
        let transport = self.live?.transport
        writer.member("packetLostRatio", transport?.droppedRatio ?? 0)
        writer.member("packetsLost", Int64(clamping: transport?.packetsDropped ?? 0))
        writer.member("jitterMs", 0)
        writer.member("rttMs", Int64(transport?.roundTrip ?? 0))
    }

    private func writeRun(to writer: inout JSONWriter) {
        let record = self.record
        writer.member("userAgent", self.live == nil ? record.run.userAgent : self.live?.userAgent ?? "N/A")
        writer.member("remoteIp", self.live?.remoteAddress ?? record.run.remoteIP)
        writer.member("latitude", record.about.latitude)
        writer.member("longitude", record.about.longitude)
        writer.member("altitude", record.about.altitude)
        writer.member("mainTrackStreamId", record.about.mainTrackID)
        writer.member("absoluteStartTimeMs", self.live?.startedAtMilliseconds ?? record.run.absoluteStart)
        writer.member("webRTCViewerLimit", record.limits.webRTCViewers)
        writer.member("hlsViewerLimit", record.limits.hlsViewers)
        writer.member("dashViewerLimit", record.limits.dashViewers)
        writer.member("subFolder", record.output.subFolder)
        let playing = record.type == .playlist ? self.view.pull?.itemIndex : nil
        writer.member("currentPlayIndex", playing ?? record.playlist.currentIndex)
        writer.member("metaData", record.about.metaData)
    }

    /// Of RTMP and SRT.
    private var playerCount: Int { (self.live?.rtmpViewerCount ?? 0) + (self.live?.srtViewerCount ?? 0) }

    private func writeRest(to writer: inout JSONWriter) {
        let record = self.record
        writer.member("playlistLoopEnabled", record.playlist.loops)
        writer.member("updateTime", self.live == nil ? record.run.updatedAt : self.view.now)
        writer.member("role", record.about.role)
        writer.member("hlsParameters", record.output.hls)
        writer.member("autoStartStopEnabled", record.source.startsWithViewers)
        writer.member("encoderSettingsList", record.output.encoders)
        writer.member("virtual", record.about.isVirtual)
        writer.member("maxIdleTime", record.schedule.maxIdleTime)
        writer.member("anyoneWatching", self.view.hlsViewers > 0 || self.view.dashViewers > 0 || self.playerCount > 0)
        // Not in the contract, and only there when there is something to say.
        if let srtPort { writer.member("srtURL", "srt://\(self.host):\(srtPort)?streamid=\(self.app)/\(record.id)") }
        if let passphrase = record.source.srtPassphrase { writer.member("srtPassphrase", passphrase) }
        if let backup = record.source.backupID { writer.member("backupStreamId", backup) }
        if let live { writer.member("srtViewerCount", live.srtViewerCount) }
        if let transport = self.live?.transport { writer.member("transport", TransportDTO(figures: transport)) }
    }
}

/// The contract's Endpoint (2.3), under both names of its URL, with what a running one can say of itself.
struct EndpointDTO: JSONWritable {
    var record: EndpointRecord
    var running: EndpointView?

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("status", self.running?.status ?? self.record.status)
            writer.member("type", self.record.type)
            writer.member("endpointUrl", self.record.url)
            writer.member("rtmpUrl", self.record.url)
            writer.member("endpointServiceId", self.record.serviceID)
            writer.member("resolutionHeight", self.record.resolutionHeight)
            writer.member("enabled", self.record.isEnabled)
            writer.member("silentAudio", self.record.addsSilence)
            let destination = self.running?.destination
            let unwanted = self.record.isEnabled ? DestinationState.idle.rawValue : Self.disabled
            writer.member("state", destination?.state.rawValue ?? unwanted)
            guard let destination, let running = self.running else { return }
            writer.member("stateTime", destination.sinceMilliseconds ?? 0)
            writer.member("attempts", destination.attempts)
            writer.member("lastError", destination.lastError)
            writer.member("lastErrorClass", destination.errorClass?.rawValue)
            writer.member("nextTryTime", destination.nextTryAtMilliseconds ?? 0)
            writer.member("connectedTime", destination.connectedAtMilliseconds ?? 0)
            writer.member("heldUntilTime", destination.heldUntilMilliseconds ?? 0)
            writer.member("feeding", destination.feeding?.rawValue)
            if let problem = destination.slateProblem { writer.member("slateProblem", problem) }
            writer.member("bytesSent", destination.bytesSent)
            writer.member("bitrate", destination.bitrate)
            writer.member("droppedFrames", destination.droppedFrames)
            writer.member("warnings", running.warnings)
        }
    }

    /// The state of what is not wanted.
    private static let disabled = "disabled"
}

extension DestinationWarning: JSONWritable {
    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("code", self.code.rawValue)
            writer.member("message", self.message)
        }
    }
}

extension PlayListItem: JSONWritable {
    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("streamUrl", self.streamUrl)
            writer.member("type", self.type)
            writer.member("name", self.name)
            writer.member("durationInMs", self.durationInMs)
            writer.member("seekTimeInMs", self.seekTimeInMs)
        }
    }
}

extension EncoderSettings: JSONWritable {
    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("height", self.height)
            writer.member("videoBitrate", self.videoBitrate)
            writer.member("audioBitrate", self.audioBitrate)
            writer.member("forceEncode", self.forceEncode)
            writer.member("forceSameResolutionEncode", self.forceSameResolutionEncode)
        }
    }
}

extension HLSParameters: JSONWritable {
    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("hlsTime", self.hlsTime)
            writer.member("hlsListSize", self.hlsListSize)
            writer.member("hlsPlayListType", self.hlsPlayListType)
        }
    }
}
