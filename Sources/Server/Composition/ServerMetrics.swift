import AV
import Broadcasts
import Gateways
import Glibc
import HTTP
import Media
import NIOCore
import Outputs
import Streams
import Synchronization

/// Makes the page `/metrics` from what is running at that moment. Nothing is kept here; counters are those of the objects counted.
struct ServerMetrics: Sendable {
    let streams: StreamDirectory
    let gateway: RTMPGateway
    /// Nil where SRT is not offered.
    let srt: SRTGateway?
    let puller: Puller
    let hls: LiveHLS
    let http: HTTPCounters
    let outputs: OutputMeter
    let ladders: Ladder.Environment
    let webM: WebMEncoding
    /// Nil where no slate is set.
    let slate: SlateStudio?
    let events: EventCounters
    let service: BroadcastService
    let lag: LoopLag
    let dataDirectory: String

    func page() -> ByteBuffer {
        var text = PrometheusText()
        text.add("build_info", .gauge, "The version that runs.", [([("version", MartletVersion.name)], 1)])
        self.addStreams(&text)
        self.addOutputs(&text)
        self.addPulls(&text)
        self.addDoors(&text)
        self.addProcess(&text)
        return text.buffer
    }

    private func addStreams(_ text: inout PrometheusText) {
        let now = NIODeadline.now()
        let snapshots = self.streams.publishing().compactMap { $0.snapshot(now: now) }
        let live = snapshots.count { $0.isLive }
        text.add(
            "streams", .gauge, "Streams that are published now.",
            [([("status", "broadcasting")], Double(live)), ([("status", "preparing")], Double(snapshots.count - live))])
        let encodings = [self.ladders.slots, self.webM.slots]
        let totals = self.streams.totals().sorted { $0.key.rawValue < $1.key.rawValue }
        func byProtocol(_ value: (IngestTotals) -> UInt64) -> [(labels: [(String, String)], value: Double)] {
            totals.map { ([("proto", $0.key.rawValue)], Double(value($0.value))) }
        }
        text.add("ingest_bytes_total", .counter, "Media bytes received from publishers.", byProtocol(\.bytes))
        text.add("ingest_frames_total", .counter, "Frames received from publishers.", byProtocol(\.frames))
        text.add("publishes_total", .counter, "Publishers that were let in.", byProtocol(\.publishes))
        text.add("ingest_gaps_total", .counter, "Times that a publisher sent nothing for a second or longer.", byProtocol(\.gaps))
        text.add("timestamp_repairs_total", .counter, "Timestamps that had to be repaired.", byProtocol(\.timestampRepairs))
        text.add(
            "frames_dropped_total", .counter, "Frames dropped, by place.",
            [
                ([("where", "ingest")], Double(totals.reduce(0) { $0 + $1.value.droppedFrames })),
                ([("where", "destination")], Double(self.outputs.totals.destinationDroppedFrames)),
                ([("where", "encoding")], Double(encodings.reduce(0) { $0 + $1.droppedFrames.load(ordering: .relaxed) })),
            ])
        text.add(
            "group_cache_bytes", .gauge, "Bytes of memory in which frames are kept for viewers who join, over all streams.",
            Double(snapshots.reduce(0) { $0 + $1.cachedBytes }))
        let known = snapshots.filter { $0.key.renditionHeight == 0 }.sorted { $0.key.id < $1.key.id }.prefix(Self.mostStreams)
        text.add(
            "keyframe_interval_seconds", .gauge, "Between the last two keyframes of a stream.",
            known.compactMap { snapshot in snapshot.keyframeInterval.map { ([("stream", snapshot.key.id)], $0.seconds) } })
        text.add(
            "stream_bitrate_bits_per_second", .gauge, "Received over the last ten seconds.",
            known.map { ([("stream", $0.key.id)], Double($0.bitrate)) })
        text.add(
            "stream_frames_per_second", .gauge, "Pictures received over the last ten seconds.",
            known.map { ([("stream", $0.key.id)], $0.frameRate) })
        text.add(
            "stream_av_skew_seconds", .gauge, "By how much pictures are ahead of the sound that comes at the same moment.",
            known.compactMap { snapshot in snapshot.health.skew.map { ([("stream", snapshot.key.id)], $0.seconds) } })
    }

    /// Labels for every stream of a large server would make the page too large to be of use.
    private static let mostStreams = 200

    private func addOutputs(_ text: inout PrometheusText) {
        let usage = self.hls.usage()
        text.add("hls_packagers", .gauge, "Streams that are packaged for HLS now.", Double(usage.packaged))
        text.add("hls_memory_bytes", .gauge, "Bytes of HLS segments in memory.", Double(usage.memoryBytes))
        text.add("hls_blocked_requests", .gauge, "Requests that wait for a part or segment that is being made.", Double(self.hls.blockedCount))
        text.add(
            "viewers", .gauge, "Viewers now, by protocol.",
            [
                ([("proto", "hls")], Double(self.hls.totalViewerCount())),
                ([("proto", "dash")], Double(self.hls.totalDashViewerCount())),
                ([("proto", "rtmp")], Double(self.streams.publishing().reduce(0) { $0 + $1.rtmpViewers.load(ordering: .relaxed) })),
                ([("proto", "srt")], Double(self.streams.publishing().reduce(0) { $0 + $1.srtViewers.load(ordering: .relaxed) })),
            ])
        let outputs = self.outputs.totals
        text.add(
            "destinations", .gauge, "Destinations by state.",
            outputs.destinations.sorted { $0.key.rawValue < $1.key.rawValue }.map { ([("state", $0.key.rawValue)], Double($0.value)) })
        text.add(
            "destination_reconnects_total", .counter, "Times a destination failed and waited for its next try, by what had gone wrong.",
            // Who waits for a URL has not failed.
            DestinationErrorClass.allCases.filter { $0 != .urlInUse }.map { ([("reason", $0.rawValue)], Double(outputs.destinationRetries[$0] ?? 0)) }
        )
        self.addFeeding(&text, outputs)
        let running = outputs.running.sorted { ($0.stream, $0.status.id) < ($1.stream, $1.status.id) }.prefix(Self.mostStreams)
        text.add(
            "destination_bitrate_bits_per_second", .gauge, "Sent over the last ten seconds.",
            running.map { ([("stream", $0.stream), ("endpoint", $0.status.id)], Double($0.status.bitrate)) })
        text.add("destination_sent_bytes_total", .counter, "Bytes sent to destinations.", Double(outputs.destinationBytes))
        text.add("renditions", .gauge, "Renditions that are made now.", Double(self.ladders.board.count))
        text.add("recordings", .gauge, "Recordings that run now, those being finished included.", Double(outputs.recordings))
        text.add("recording_encoders", .gauge, "Recordings whose pictures are encoded now.", Double(self.webM.slots.count))
        text.add("recording_bytes_total", .counter, "Bytes of finished recordings.", Double(outputs.recordingBytes))
        text.add("recording_failures_total", .counter, "Files of recordings that ended with a failure.", Double(outputs.recordingFailures))
        let storage = self.service.storage
        text.add("disk_space_low", .gauge, "1 while recordings are refused for want of disk space.", storage.isLow ? 1 : 0)
        text.add("retention_removed_total", .counter, "Recordings removed to keep the rules.", Double(storage.removedFiles))
        text.add("retention_removed_bytes_total", .counter, "Bytes of the recordings removed to keep the rules.", Double(storage.removedBytes))
        text.add(
            "events_total", .counter, "Events of broadcasts, by action.", self.events.all.map { ([("action", $0.action)], Double($0.count)) })
    }

    private func addFeeding(_ text: inout PrometheusText, _ outputs: OutputMeter.Totals) {
        func byFeeding<Number: BinaryInteger>(_ counts: [DestinationFeeding: Number]) -> [(labels: [(String, String)], value: Double)] {
            DestinationFeeding.allCases.map { ([("feeding", $0.rawValue)], Double(counts[$0] ?? 0)) }
        }
        text.add("destinations_fed", .gauge, "Connected destinations, by what they are sent.", byFeeding(outputs.feedings))
        text.add(
            "destination_feed_changes_total", .counter, "Times a destination was sent something else than before, by what.",
            byFeeding(outputs.feedChanges))
        let totals = self.slate?.totals ?? .init()
        text.add(
            "slate_encodings_total", .counter, "Slates encoded, one for each form that streams have, by how that ended.",
            [([("result", "made")], Double(totals.encodings)), ([("result", "failed")], Double(totals.failures))])
        text.add("slate_memory_bytes", .gauge, "Bytes of encoded slates that are kept.", Double(totals.bytes))
    }

    private func addPulls(_ text: inout PrometheusText) {
        let pulls = self.puller.counts
        text.add(
            "pulls", .gauge, "Sources and playlists that are pulled, by state.",
            [
                ([("state", "preparing")], Double(pulls.preparing)), ([("state", "broadcasting")], Double(pulls.broadcasting)),
                ([("state", "retrying")], Double(pulls.retrying)),
            ])
        text.add("pull_threads", .gauge, "Threads that pull, those included that a dying peer still holds up.", Double(pulls.threads))
    }

    private func addDoors(_ text: inout PrometheusText) {
        let rtmp = self.gateway.statistics
        text.add("rtmp_connections", .gauge, "RTMP connections now.", Double(rtmp.connections))
        text.add("rtmp_connections_total", .counter, "RTMP connections accepted.", Double(rtmp.connectionsTotal))
        text.add("rtmp_refused_total", .counter, "RTMP connections, publishers and players turned away.", Double(rtmp.refusedTotal))
        text.add("rtmp_protocol_errors_total", .counter, "RTMP connections ended by malformed bytes.", Double(rtmp.protocolErrorsTotal))
        text.add("rtmp_sent_bytes_total", .counter, "Media bytes given to RTMP players.", Double(rtmp.sentBytesTotal))
        text.add("rtmp_player_skips_total", .counter, "Times an RTMP player fell behind and resumed at a keyframe.", Double(rtmp.playerSkipsTotal))
        if let srt { self.addSRT(&text, srt.statistics) }
        self.addHTTP(&text)
    }

    private func addHTTP(_ text: inout PrometheusText) {
        func value(_ counter: borrowing Atomic<UInt64>) -> Double { Double(counter.load(ordering: .relaxed)) }
        text.add("http_connections", .gauge, "HTTP connections now.", Double(self.http.openConnections.load(ordering: .relaxed)))
        text.add("http_connections_total", .counter, "HTTP connections accepted.", value(self.http.acceptedConnections))
        text.add("http_refused_total", .counter, "HTTP connections turned away because there were too many.", value(self.http.refusedConnections))
        text.add(
            "http_requests_total", .counter, "HTTP requests, by the path they took.",
            [
                ([("path", "ready")], value(self.http.readyRequests)), ([("path", "routed")], value(self.http.routedRequests)),
                ([("path", "rejected")], value(self.http.rejectedRequests)),
            ])
        text.add("http_stalled_total", .counter, "HTTP connections closed because nothing was taken.", value(self.http.stalledConnections))
        text.add(
            "tls_handshakes_total", .counter, "TLS handshakes of HTTPS connections, by how they ended.",
            [([("result", "completed")], value(self.http.handshakes)), ([("result", "failed")], value(self.http.failedHandshakes))])
        text.add("http2_connections_total", .counter, "Connections that spoke HTTP/2.", value(self.http.http2Connections))
        text.add("http2_streams_total", .counter, "Requests over HTTP/2.", value(self.http.http2Streams))
        text.add(
            "http2_streams_stalled_total", .counter, "HTTP/2 streams reset because nothing was taken, or sent of a body, for too long.",
            value(self.http.http2StalledStreams))
        text.add(
            "http2_connection_errors_total", .counter, "HTTP/2 connections that the server ended because of what came, by reason.",
            [
                ([("reason", "protocol")], value(self.http.http2ProtocolErrors)), ([("reason", "flood")], value(self.http.http2Floods)),
            ])
    }

    private func addProcess(_ text: inout PrometheusText) {
        let lag = self.lag.histogram
        text.addHistogram(
            "event_loop_lag_seconds", "How late event loops run what is due.", bounds: LoopLag.bounds, counts: lag.counts, sum: lag.sum)
        if let free = FreeSpace.bytes(at: self.dataDirectory) {
            text.add("disk_free_bytes", .gauge, "Free for the data directory.", Double(free))
        }
        var usage = rusage()
        if getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
            let time = { (value: timeval) in Double(value.tv_sec) + Double(value.tv_usec) / 1_000_000 }
            text.add("process_cpu_seconds_total", .counter, "Processor time used.", time(usage.ru_utime) + time(usage.ru_stime))
        }
    }
}
