import API
import AV
import Broadcasts
import Gateways
import HTTP
import Logging
import Media
import NIOCore
import Outputs
import Streams
import TransportSecurity

/// What the settings are for each room.
extension MartletServer {
    func hlsConfiguration(_ directory: DataDirectory, _ limits: ViewerLimits) -> LiveHLS.Configuration {
        let hls = self.settings.hls
        return LiveHLS.Configuration(
            mode: hls.mode == .always ? .always : .onDemand, segmentDuration: MediaTime(hls.segmentDuration),
            partDuration: hls.partDuration == .zero ? nil : MediaTime(hls.partDuration), listSize: hls.listSize, deleteOnEnd: hls.deleteOnEnd,
            dvrWindow: hls.dvrWindow == .zero ? nil : MediaTime(hls.dvrWindow), directory: directory.live, idleTimeout: TimeAmount(hls.idleTimeout),
            memoryBytesPerStream: hls.memoryPerStream, viewerLimit: { limits.hls($0) }, dashViewerLimit: { limits.dash($0) })
    }

    func pictureConfiguration(_ directory: DataDirectory) -> LivePictures.Configuration {
        let previews = self.settings.previews
        return LivePictures.Configuration(
            directory: directory.livePictures, generates: previews.generate, period: TimeAmount(previews.period), height: previews.height,
            format: previews.format)
    }

    func broadcastConfiguration(_ directory: DataDirectory) -> BroadcastService.Configuration {
        var configuration = BroadcastService.Configuration(
            app: self.settings.app, appAliases: self.settings.appAliases, serverName: self.settings.serverName, dataDirectory: directory.path,
            acceptOnlyRegistered: self.settings.publish.acceptOnlyRegistered, maxHeight: self.settings.publish.maxHeight,
            maxBitrate: self.settings.publish.maxBitrate, recordMP4: self.settings.recording.mp4,
            renditions: self.settings.renditions.ladder.map {
                RenditionSetting(height: $0.height, videoBitrate: $0.video * 1_000, audioBitrate: $0.audio * 1_000)
            },
            recordingLowSpace: Int64(self.settings.recording.minimumFreeSpace),
            recordingSufficientSpace: Int64(self.settings.recording.sufficientFreeSpace),
            retention: RetentionRules(
                maximumAge: self.settings.retention.maximumAge.milliseconds, maximumBytes: Int64(self.settings.retention.maximumSize),
                minimumFreeBytes: Int64(self.settings.retention.minimumFreeSpace)),
            makesPosters: self.settings.previews.posters, posterHeight: self.settings.previews.height,
            republishLimit: self.settings.endpoints.republishLimit, healthCheckPeriod: TimeAmount(self.settings.endpoints.healthCheckPeriod),
            rtmpPlay: self.settings.rtmp.play,
            sources: .init(
                startsAutomatically: self.settings.sources.startAutomatically, maximum: self.settings.sources.maximum,
                probeTimeout: self.settings.sources.openTimeout, startWithin: TimeAmount(self.settings.playlists.startWithin),
                normalisesPlaylists: self.settings.playlists.normalize))
        configuration.graceWindow = TimeAmount(self.settings.endpoints.graceWindow)
        configuration.slateAfter = TimeAmount(self.settings.endpoints.slateAfter)
        configuration.slateLimit = TimeAmount(self.settings.endpoints.slateLimit)
        configuration.slateAfterGoodbye = self.settings.endpoints.slateAfterGoodbye
        configuration.recordWebM = self.settings.recording.webm
        let srt = self.settings.srt
        configuration.srtPort = srt.enabled && srt.port != 0 ? srt.port : nil
        configuration.srtPlay = srt.play
        configuration.library.maxUploadBytes = Int64(self.settings.vods.maxUploadSize)
        configuration.library.importDirectories = self.settings.vods.importDirectories
        configuration.library.minimumFreeBytes = Int64(self.settings.recording.minimumFreeSpace)
        return configuration
    }

    func pullConfiguration(_ directory: DataDirectory) -> Puller.Configuration {
        let (sources, playlists) = (self.settings.sources, self.settings.playlists)
        var configuration = Puller.Configuration(libraryDirectory: directory.streams)
        configuration.importDirectories = self.settings.vods.importDirectories
        configuration.retryDelay = sources.retryDelay
        configuration.longestRetryDelay = max(sources.retryDelay, sources.longestRetryDelay)
        configuration.openTimeout = sources.openTimeout
        configuration.readTimeout = sources.readTimeout
        configuration.rtspTransport =
            switch sources.rtspTransport {
            case .auto: .auto
            case .tcp: .tcp
            case .udp: .udp
            }
        configuration.transcodesAudio = sources.transcodeAudio
        configuration.maximumPulls = sources.maximum
        configuration.normalFormat = NormalFormat(
            width: playlists.width, height: playlists.height, frameRate: playlists.frameRate, videoBitrate: playlists.videoBitrate,
            audioBitrate: playlists.audioBitrate)
        return configuration
    }

    /// Nil where none is set: then nothing is encrypted.
    func certificates() throws -> TLSCertificates? {
        let https = self.settings.https
        guard !https.certificate.isEmpty || !https.key.isEmpty else { return nil }
        return try TLSCertificates(configuration: .init(certificatePath: https.certificate, keyPath: https.key), logger: self.logger)
    }

    func httpConfiguration(
        _ counters: HTTPCounters, _ certificates: TLSCertificates?, _ webSockets: any WebSocketResponder
    ) -> FastPathChannel.Configuration {
        var limits = HTTPLimits()
        limits.connections = self.settings.http.maxConnections
        let redirects = certificates != nil && self.settings.https.redirect
        var configuration = FastPathChannel.Configuration(
            limits: limits, counters: counters, redirect: redirects ? SecureRedirect(port: self.settings.https.port) : nil)
        // Where everything is sent to HTTPS, so are WebSockets.
        configuration.webSockets = redirects ? nil : webSockets
        return configuration
    }

    func httpsConfiguration(
        _ counters: HTTPCounters, _ certificates: TLSCertificates, _ webSockets: any WebSocketResponder
    ) -> FastPathChannel.Configuration {
        var configuration = self.httpConfiguration(counters, nil, webSockets)
        configuration.makeSecurityHandler = { try certificates.makeHandler(applicationProtocols: ["h2", "http/1.1"]) }
        let hsts = self.settings.https.hsts
        configuration.strictTransportSeconds = hsts == .zero ? nil : Int(hsts.components.seconds)
        return configuration
    }

    func rtmpConfiguration(_ certificates: TLSCertificates?) -> RTMPGateway.Configuration {
        var configuration = RTMPGateway.Configuration()
        configuration.host = self.settings.rtmp.host
        configuration.port = self.settings.rtmp.port
        configuration.maxConnections = self.settings.rtmp.maxConnections
        configuration.mergeWindow = TimeAmount(self.settings.rtmp.mergeWindow)
        configuration.chunkSize = self.settings.rtmp.chunkSize
        configuration.handshakeTimeout = TimeAmount(self.settings.rtmp.handshakeTimeout)
        configuration.idleTimeout = TimeAmount(self.settings.rtmp.idleTimeout)
        configuration.apps = [self.settings.app] + self.settings.appAliases
        configuration.secure = certificates.map { certificates in
            .init(port: self.settings.rtmps.port, makeSecurityHandler: { try certificates.makeHandler(applicationProtocols: []) })
        }
        return configuration
    }

    /// Nil where it is not offered.
    func srtGateway(_ service: BroadcastService, _ streams: StreamDirectory) -> SRTGateway? {
        let srt = self.settings.srt
        guard srt.enabled else { return nil }
        self.logger.debug("SRT", metadata: ["library": "\(SRTGateway.libraryVersion)"])
        var configuration = SRTGateway.Configuration()
        configuration.host = srt.host
        configuration.port = srt.port
        configuration.maxConnections = srt.maxConnections
        configuration.latency = Int(srt.latency.milliseconds)
        configuration.passphrase = srt.passphrase.isEmpty ? nil : srt.passphrase.reveal()
        configuration.idleTimeout = TimeAmount(srt.idleTimeout)
        configuration.apps = [self.settings.app] + self.settings.appAliases
        configuration.transcodesAudio = self.settings.sources.transcodeAudio
        return SRTGateway(configuration: configuration, gate: service.lifecycle, playGate: service.lifecycle, streams: streams, logger: self.logger)
    }

    var accessRule: AccessRule {
        let (allow, proxies) = (self.settings.api.allow, self.settings.http.trustedProxies)
        return AccessRule(
            isAllowed: { address in allow.contains { $0.contains(address) } },
            isTrustedProxy: { address in proxies.contains { $0.contains(address) } }, token: self.settings.api.token.reveal())
    }

    /// The API's token opens the metrics too.
    func metricsRule(_ access: AccessRule) -> @Sendable (ReadyRequest) -> Bool {
        let (allow, proxies) = (self.settings.metrics.allow, self.settings.http.trustedProxies)
        let rule = AccessRule(
            isAllowed: { address in allow.contains { $0.contains(address) } },
            isTrustedProxy: { address in proxies.contains { $0.contains(address) } }, token: self.settings.api.token.reveal())
        return { request in
            rule.allows(
                remoteAddress: request.remoteAddress, forwardedFor: request.headers("x-forwarded-for"), authorization: request.header("authorization")
            )
        }
    }
}

extension TimeAmount {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self = .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}

extension MediaTime {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self.init(microseconds: seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
    }
}
