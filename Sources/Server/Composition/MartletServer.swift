import API
import AV
import Broadcasts
import Egress
import Foundation
import Gateways
import HTTP
import Hummingbird
import HummingbirdCore
import Logging
import Media
import NIOCore
import NIOPosix
import Outputs
import ServiceLifecycle
import Store
import Streams
import TransportSecurity
import UnixSignals

/// Puts the rooms together and runs them until SIGTERM or SIGINT.
///
/// Start: data directory, database, live segments swept, broadcasts put in order, then the doors: RTMP, HTTP. Stop, in reverse and each with a time
/// limit: publishers are told and recordings finished, RTMP connections closed, HTTP closed, segments removed, database closed.
struct MartletServer {
    let settings: Settings
    let logger: Logger

    private enum Limit {
        /// Together they stay below the ten seconds that service managers wait.
        static let broadcasts = TimeAmount.seconds(6)
        static let http = Duration.seconds(9)
        /// How long a viewer waits for a source that was started for it.
        static let firstFrame = TimeAmount.seconds(10)
    }

    func run() async throws {
        ProcessMemory.giveBackEagerly()
        ProcessLimits.raiseOpenFiles(logger: self.logger)
        let directory = try DataDirectory(path: self.settings.dataDir)
        AVLog.setHandler { [log = LibavLog(self.logger)] level, text in log.received(level, text, now: .now()) }
        let database = try Database(configuration: .init(path: directory.database))
        let boot = try await database.boots.begin(now: BroadcastClock.system.wall())
        self.logger.info(
            "Martlet starts",
            metadata: ["version": "\(MartletVersion.name)", "data": "\(directory.path)", "previousEndedCleanly": "\(boot.previousEndedCleanly)"])

        let group = MultiThreadedEventLoopGroup.singleton
        let streams = StreamDirectory(
            configuration: .init(
                groupCacheBytes: self.settings.hub.groupCacheSize,
                groupCacheDuration: MediaTime(self.settings.hls.segmentDuration),
                takeoverSilence: TimeAmount(self.settings.rtmp.takeoverSilence)))
        let hls = LiveHLS(configuration: self.hlsConfiguration(directory), streams: streams, group: group, logger: self.logger)
        try hls.sweep()
        let events = EventCounters()
        let feed = EventFeed()
        let certificates = try self.certificates()
        let meter = OutputMeter()
        let puller = Puller(
            configuration: self.pullConfiguration(directory), streams: streams,
            policy: AddressPolicy(allowsLocal: self.settings.sources.allowLocalAddresses), logger: self.logger,
            wallClock: BroadcastClock.system.wall)
        let service = BroadcastService(
            database: database, streams: streams, outputs: self.outputs(hls: hls, group: group, meter: meter),
            sources: SourceFactory(puller), configuration: self.broadcastConfiguration(directory), logger: self.logger,
            onEvent: { event in
                events.count(event)
                feed.note(event)
            })
        try await service.start()

        let gateway = RTMPGateway(
            configuration: self.rtmpConfiguration(certificates), gate: service.lifecycle, playGate: service.lifecycle, streams: streams, group: group,
            logger: self.logger)
        let readiness = Readiness { [self] ports in self.announce(http: ports.http, rtmp: ports.rtmp, isSecure: certificates != nil) }
        let httpCounters = HTTPCounters()
        let lag = LoopLag(group: group)
        let metrics = ServerMetrics(
            streams: streams, gateway: gateway, puller: puller, hls: hls, http: httpCounters, outputs: meter, events: events, lag: lag,
            dataDirectory: directory.path)
        let access = self.accessRule
        let responder = DeliveryResponder(
            configuration: .init(app: self.settings.app, appAliases: self.settings.appAliases, mediaDirectory: directory.streams), hls: hls,
            hooks: .init(
                isReady: { readiness.isReady }, metrics: { metrics.page() }, allowMetrics: self.metricsRule(access),
                startForViewer: { id, eventLoop in
                    service.viewerArrived(id) ? service.whenLive(id, on: eventLoop, within: Limit.firstFrame) : nil
                }))
        let router = Router(context: APIRequestContext.self)
        let api = RESTInterface(
            service: service, configuration: .init(access: access, version: MartletVersion.name), events: feed, logger: self.logger)
        api.addRoutes(to: router)
        let pages = PageResponder(apps: [self.settings.app] + self.settings.appAliases, compress: { Gzip.compress($0) }, next: responder)
        let application = Application(
            router: router,
            server: .martlet(configuration: self.httpConfiguration(httpCounters, certificates, api.webSockets), readyResponder: pages),
            configuration: .init(address: .hostname(self.settings.http.host, port: self.settings.http.port), serverName: nil),
            onServerRunning: { [port = self.settings.http.port] in readiness.httpIsListening(on: $0.localAddress?.port ?? port) },
            eventLoopGroupProvider: .shared(group), logger: self.quietLogger)
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = [.init(service: application)]
        if let certificates {
            let secure = Application(
                router: router,
                server: .martlet(configuration: self.httpsConfiguration(httpCounters, certificates, api.webSockets), readyResponder: pages),
                configuration: .init(address: .hostname(self.settings.http.host, port: self.settings.https.port), serverName: nil),
                onServerRunning: { [logger] in logger.info("Listening", metadata: ["https": "\($0.localAddress?.port ?? 0)"]) },
                eventLoopGroupProvider: .shared(group), logger: self.quietLogger)
            services += [.init(service: secure), .init(service: CertificateWatch(certificates: certificates))]
        }

        // Services start in this order and stop in the reverse one.
        let doors = DoorsService(gateway: gateway, service: service, readiness: readiness, feed: feed, limit: Limit.broadcasts, logger: self.logger)
        var configuration = ServiceGroupConfiguration(
            services: services + [.init(service: doors)], gracefulShutdownSignals: [.sigterm, .sigint], cancellationSignals: [],
            logger: self.quietLogger)
        configuration.maximumGracefulShutdownDuration = Limit.http
        lag.start()
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch {
            lag.stop()
            try await self.close(puller: puller, hls: hls, database: database, endedCleanly: false)
            throw error
        }
        lag.stop()
        try await self.close(puller: puller, hls: hls, database: database, endedCleanly: true)
        self.logger.info("Martlet has stopped")
    }

    private func close(puller: Puller, hls: LiveHLS, database: Database, endedCleanly: Bool) async throws {
        await puller.shutdown()
        await hls.stop()
        if endedCleanly { try await database.boots.end() }
        try database.close()
    }

    /// Service lifecycle tells of each service's start and end; one line of our own is enough.
    private var quietLogger: Logger {
        var logger = self.logger
        logger.logLevel = max(.warning, logger.logLevel)
        return logger
    }

    // MARK: Settings of the rooms

    private func hlsConfiguration(_ directory: DataDirectory) -> LiveHLS.Configuration {
        let hls = self.settings.hls
        return LiveHLS.Configuration(
            mode: hls.mode == .always ? .always : .onDemand, segmentDuration: MediaTime(hls.segmentDuration),
            partDuration: hls.partDuration == .zero ? nil : MediaTime(hls.partDuration), listSize: hls.listSize, deleteOnEnd: hls.deleteOnEnd,
            dvrWindow: hls.dvrWindow == .zero ? nil : MediaTime(hls.dvrWindow), directory: directory.live, idleTimeout: TimeAmount(hls.idleTimeout),
            memoryBytesPerStream: hls.memoryPerStream)
    }

    private func broadcastConfiguration(_ directory: DataDirectory) -> BroadcastService.Configuration {
        BroadcastService.Configuration(
            app: self.settings.app, appAliases: self.settings.appAliases, serverName: self.settings.serverName, dataDirectory: directory.path,
            acceptOnlyRegistered: self.settings.publish.acceptOnlyRegistered, maxHeight: self.settings.publish.maxHeight,
            maxBitrate: self.settings.publish.maxBitrate, recordMP4: self.settings.recording.mp4,
            republishLimit: self.settings.endpoints.republishLimit, healthCheckPeriod: TimeAmount(self.settings.endpoints.healthCheckPeriod),
            rtmpPlay: self.settings.rtmp.play,
            sources: .init(
                startsAutomatically: self.settings.sources.startAutomatically, maximum: self.settings.sources.maximum,
                probeTimeout: self.settings.sources.openTimeout, startWithin: TimeAmount(self.settings.playlists.startWithin),
                normalisesPlaylists: self.settings.playlists.normalize))
    }

    private func pullConfiguration(_ directory: DataDirectory) -> Puller.Configuration {
        let (sources, playlists) = (self.settings.sources, self.settings.playlists)
        var configuration = Puller.Configuration(libraryDirectory: directory.streams)
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
    private func certificates() throws -> TLSCertificates? {
        let https = self.settings.https
        guard !https.certificate.isEmpty || !https.key.isEmpty else { return nil }
        return try TLSCertificates(configuration: .init(certificatePath: https.certificate, keyPath: https.key), logger: self.logger)
    }

    private func httpConfiguration(
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

    private func httpsConfiguration(
        _ counters: HTTPCounters, _ certificates: TLSCertificates, _ webSockets: any WebSocketResponder
    ) -> FastPathChannel.Configuration {
        var configuration = self.httpConfiguration(counters, nil, webSockets)
        configuration.makeSecurityHandler = { try certificates.makeHandler(applicationProtocols: ["h2", "http/1.1"]) }
        let hsts = self.settings.https.hsts
        configuration.strictTransportSeconds = hsts == .zero ? nil : Int(hsts.components.seconds)
        return configuration
    }

    private func rtmpConfiguration(_ certificates: TLSCertificates?) -> RTMPGateway.Configuration {
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

    private func outputs(hls: LiveHLS, group: any EventLoopGroup, meter: OutputMeter) -> OutputFactory {
        let configuration = Recorder.Configuration(minimumFreeBytes: Int64(self.settings.recording.minimumFreeSpace))
        let network = DestinationNetwork()
        let logger = self.logger
        return OutputFactory(
            makeRecorder: { stream, request, callbacks in
                MeteredRecorder(
                    Recorder(
                        stream: stream, request: request, logger: logger, configuration: configuration, onFileStarted: callbacks.onFileStarted,
                        onEnd: { outcome in
                            meter.fileEnded(outcome)
                            callbacks.onEnd(outcome)
                        },
                        onClosed: {
                            meter.recordingClosed()
                            callbacks.onClosed()
                        }), meter: meter)
            },
            makeDestination: { configuration, stream, onChange in
                let number = meter.newDestination()
                let destination = Destination(configuration: configuration, stream: stream, network: network, group: group, logger: logger) {
                    status in
                    meter.changed(status, of: number)
                    onChange(status)
                }
                meter.add(destination, as: number)
                return destination
            },
            isValidDestination: { Destination.validate(url: $0) == nil },
            recover: { path, request, startedAt in
                await RecordingRecovery.recover(temporaryPath: path, request: request, startedAtMilliseconds: startedAt)
            },
            hls: hls)
    }

    private var accessRule: AccessRule {
        let (allow, proxies) = (self.settings.api.allow, self.settings.http.trustedProxies)
        return AccessRule(
            isAllowed: { address in allow.contains { $0.contains(address) } },
            isTrustedProxy: { address in proxies.contains { $0.contains(address) } }, token: self.settings.api.token.reveal())
    }

    /// The API's token opens the metrics too.
    private func metricsRule(_ access: AccessRule) -> @Sendable (ReadyRequest) -> Bool {
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

    // MARK: What the operator is told

    private func announce(http: Int, rtmp: Int, isSecure: Bool) {
        let name = self.settings.serverName.isEmpty ? "127.0.0.1" : self.settings.serverName
        let rtmpPort = rtmp == 1935 ? "" : ":\(rtmp)"
        let lines = [
            "", "Martlet \(MartletVersion.name) is running.", "",
            "  Publish from OBS    server  rtmp://\(name)\(rtmpPort)/\(self.settings.app)    stream key  demo",
            "  Publish with ffmpeg ffmpeg -re -i FILE -c copy -f flv rtmp://\(name)\(rtmpPort)/\(self.settings.app)/demo",
            "  Watch               http://\(name):\(http)/\(self.settings.app)/play.html?id=demo",
            "  Watch elsewhere     http://\(name):\(http)/\(self.settings.app)/streams/demo.m3u8",
            "  Operate             http://127.0.0.1:\(http)/",
            "  REST API            http://127.0.0.1:\(http)/v2/broadcasts/list/0/50", "",
        ]
        if isSecure { self.logger.info("HTTPS and RTMPS are offered", metadata: ["certificate": "\(self.settings.https.certificate)"]) }
        FileHandle.standardOutput.write(Data((lines.joined(separator: "\n") + "\n").utf8))
        self.logger.info("Listening", metadata: ["http": "\(self.settings.http.host):\(http)", "rtmp": "\(self.settings.rtmp.host):\(rtmp)"])
    }
}

extension SourceFactory {
    fileprivate init(_ puller: Puller) {
        self.init(
            start: { plan, onEvent in puller.start(plan, onEvent: onEvent) },
            probe: { item, limit in await puller.probe(item, within: limit).map { SourceProbe(duration: $0.duration) } },
            refusal: { puller.refusal(of: $0) })
    }
}

/// Notices renewed certificates until the server stops.
private struct CertificateWatch: Service {
    let certificates: TLSCertificates

    func run() async throws {
        await cancelWhenGracefulShutdown { await self.certificates.watch() }
    }
}

/// A recorder that is counted from its start on; its callbacks count its end.
private struct MeteredRecorder: RecordingSession {
    private let recorder: Recorder
    private let meter: OutputMeter

    init(_ recorder: Recorder, meter: OutputMeter) {
        self.recorder = recorder
        self.meter = meter
    }

    func start() throws(RecordingFailure) -> StartedRecording {
        let started = try self.recorder.start()
        self.meter.recordingStarted()
        return started
    }

    func stop() { self.recorder.stop() }
}

extension TimeAmount {
    fileprivate init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self = .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}

extension MediaTime {
    fileprivate init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self.init(microseconds: seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
    }
}
