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

    /// What is put together once and used by several.
    private struct Rooms {
        let database: Database
        let streams: StreamDirectory
        let hls: LiveHLS
        let pictures: LivePictures
        let puller: Puller
        let service: BroadcastService
        let feed: EventFeed
        let events: EventCounters
        let meter: OutputMeter
        let ladders: Ladder.Environment
        let webM: WebMEncoding
        let slate: SlateStudio?
    }

    func run() async throws {
        ProcessMemory.giveBackEagerly()
        ProcessLimits.raiseOpenFiles(logger: self.logger)
        let directory = try DataDirectory(path: self.settings.dataDir)
        AVLog.setHandler { [log = LibavLog(self.logger)] level, text in log.received(level, text, now: .now()) }
        let certificates = try self.certificates()
        try self.checkDestinationTrust()
        let group = MultiThreadedEventLoopGroup.singleton
        let rooms = try await self.rooms(directory, group)
        let lag = LoopLag(group: group)
        lag.start()
        do {
            try await self.serve(rooms, directory, certificates, lag, group)
        } catch {
            lag.stop()
            try await self.close(rooms, endedCleanly: false)
            throw error
        }
        lag.stop()
        try await self.close(rooms, endedCleanly: true)
        self.logger.info("Martlet has stopped")
    }

    private func rooms(_ directory: DataDirectory, _ group: any EventLoopGroup) async throws -> Rooms {
        let database = try Database(configuration: .init(path: directory.database))
        let boot = try await database.boots.begin(now: BroadcastClock.system.wall())
        self.logger.info(
            "Martlet starts",
            metadata: ["version": "\(MartletVersion.name)", "data": "\(directory.path)", "previousEndedCleanly": "\(boot.previousEndedCleanly)"])
        let streams = StreamDirectory(
            configuration: .init(
                groupCacheBytes: self.settings.hub.groupCacheSize,
                groupCacheDuration: MediaTime(self.settings.hls.segmentDuration),
                takeoverSilence: TimeAmount(self.settings.rtmp.takeoverSilence)))
        let limits = ViewerLimits()
        let ladders = self.ladders(streams)
        let webM = self.webMEncoding()
        let hls = LiveHLS(
            configuration: self.hlsConfiguration(directory, limits), streams: streams, renditions: ladders.board, group: group, logger: self.logger)
        try hls.sweep()
        let pictures = LivePictures(configuration: self.pictureConfiguration(directory), streams: streams, logger: self.logger)
        pictures.start()
        let puller = Puller(
            configuration: self.pullConfiguration(directory), streams: streams,
            policy: AddressPolicy(allowsLocal: self.settings.sources.allowLocalAddresses), logger: self.logger,
            wallClock: BroadcastClock.system.wall)
        let slate = self.slate()
        let (events, feed, meter) = (EventCounters(), EventFeed(), OutputMeter())
        let service = BroadcastService(
            database: database, streams: streams,
            outputs: self.outputs(hls: hls, ladders: ladders, webM: webM, pictures: pictures, slate: slate, group: group, meter: meter),
            sources: SourceFactory(puller), configuration: self.broadcastConfiguration(directory), viewerLimits: limits, logger: self.logger,
            onEvent: { event in
                events.count(event)
                feed.note(event)
            })
        try await service.start()
        return Rooms(
            database: database, streams: streams, hls: hls, pictures: pictures, puller: puller, service: service, feed: feed, events: events,
            meter: meter, ladders: ladders, webM: webM, slate: slate)
    }

    /// Opens the doors, and returns when they are closed again.
    private func serve(
        _ rooms: Rooms, _ directory: DataDirectory, _ certificates: TLSCertificates?, _ lag: LoopLag, _ group: any EventLoopGroup
    ) async throws {
        let service = rooms.service
        let gateway = RTMPGateway(
            configuration: self.rtmpConfiguration(certificates), gate: service.lifecycle, playGate: service.lifecycle, streams: rooms.streams,
            group: group, logger: self.logger)
        let srt = self.srtGateway(service, rooms.streams)
        let readiness = Readiness { [self] ports in self.announce(ports, isSecure: certificates != nil) }
        let counters = HTTPCounters()
        let metrics = ServerMetrics(
            streams: rooms.streams, gateway: gateway, srt: srt, puller: rooms.puller, hls: rooms.hls, http: counters, outputs: rooms.meter,
            ladders: rooms.ladders, webM: rooms.webM, slate: rooms.slate, events: rooms.events, service: service, lag: lag,
            dataDirectory: directory.path)
        let access = self.accessRule
        let responder = DeliveryResponder(
            configuration: .init(
                app: self.settings.app, appAliases: self.settings.appAliases, mediaDirectory: directory.streams,
                importDirectories: self.settings.vods.importDirectories),
            hls: rooms.hls,
            pictures: .init(live: rooms.pictures, liveDirectory: directory.livePictures, vodDirectory: directory.vodPictures) { id, kind in
                await service.makePictures(kind, ofVod: id)
            },
            hooks: .init(
                isReady: { readiness.isReady }, metrics: { metrics.page() }, allowMetrics: self.metricsRule(access),
                startForViewer: { id, eventLoop in
                    service.viewerArrived(id) ? service.whenLive(id, on: eventLoop, within: Limit.firstFrame) : nil
                }))
        let api = RESTInterface(
            service: service, configuration: .init(access: access, version: MartletVersion.name), events: rooms.feed, logger: self.logger)
        let router = Router(context: APIRequestContext.self)
        api.addRoutes(to: router)
        let pages = PageResponder(apps: [self.settings.app] + self.settings.appAliases, compress: { Gzip.compress($0) }, next: responder)
        let plain = self.listener(router.buildResponder(), pages, self.httpConfiguration(counters, certificates, api.webSockets), group) { port in
            readiness.httpIsListening(on: port)
        }
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = [.init(service: plain)]
        if let certificates {
            var secure = self.listener(
                router.buildResponder(), pages, self.httpsConfiguration(counters, certificates, api.webSockets), group
            ) { [logger] port in logger.info("Listening", metadata: ["https": "\(port)"]) }
            secure.port = self.settings.https.port
            services += [.init(service: secure), .init(service: CertificateWatch(certificates: certificates))]
        }
        // Services start in this order and stop in the reverse one.
        let doors = DoorsService(
            gateway: gateway, srt: srt, service: service, readiness: readiness, feed: rooms.feed, limit: Limit.broadcasts, logger: self.logger)
        var configuration = ServiceGroupConfiguration(
            services: services + [.init(service: doors)], gracefulShutdownSignals: [.sigterm, .sigint], cancellationSignals: [],
            logger: self.quietLogger)
        configuration.maximumGracefulShutdownDuration = Limit.http
        try await ServiceGroup(configuration: configuration).run()
    }

    private func listener<Responder>(
        _ responder: Responder, _ pages: PageResponder, _ configuration: FastPathChannel.Configuration, _ group: any EventLoopGroup,
        onListening: @escaping @Sendable (Int) -> Void
    ) -> HTTPService<Responder> {
        HTTPService(
            responder: responder, server: .martlet(configuration: configuration, readyResponder: pages), host: self.settings.http.host,
            port: self.settings.http.port, group: group, logger: self.quietLogger, onListening: onListening)
    }

    private func close(_ rooms: Rooms, endedCleanly: Bool) async throws {
        await rooms.puller.shutdown()
        await rooms.hls.stop()
        await rooms.pictures.stop()
        if endedCleanly { try await rooms.database.boots.end() }
        try rooms.database.close()
    }

    /// Service lifecycle tells of each service's start and end; one line of our own is enough.
    private var quietLogger: Logger {
        var logger = self.logger
        logger.logLevel = max(.warning, logger.logLevel)
        return logger
    }

    // MARK: What the operator is told

    private func announce(_ ports: Readiness.Ports, isSecure: Bool) {
        let (http, rtmp) = (ports.http, ports.rtmp)
        let name = self.settings.serverName.isEmpty ? "127.0.0.1" : self.settings.serverName
        let rtmpPort = rtmp == 1935 ? "" : ":\(rtmp)"
        let overSRT = ports.srt.map { "  Publish over SRT    srt://\(name):\($0)?streamid=\(self.settings.app)/demo" }
        let lines = [
            "", "Martlet \(MartletVersion.name) is running.", "",
            "  Publish from OBS    server  rtmp://\(name)\(rtmpPort)/\(self.settings.app)    stream key  demo",
            "  Publish with ffmpeg ffmpeg -re -i FILE -c copy -f flv rtmp://\(name)\(rtmpPort)/\(self.settings.app)/demo",
            overSRT,
            "  Watch               http://\(name):\(http)/\(self.settings.app)/play.html?id=demo",
            "  Watch elsewhere     http://\(name):\(http)/\(self.settings.app)/streams/demo.m3u8",
            "  Operate             http://127.0.0.1:\(http)/",
            "  REST API            http://127.0.0.1:\(http)/v2/broadcasts/list/0/50", "",
        ]
        if isSecure { self.logger.info("HTTPS and RTMPS are offered", metadata: ["certificate": "\(self.settings.https.certificate)"]) }
        FileHandle.standardOutput.write(Data((lines.compactMap { $0 }.joined(separator: "\n") + "\n").utf8))
        var doors: Logger.Metadata = ["http": "\(self.settings.http.host):\(http)", "rtmp": "\(self.settings.rtmp.host):\(rtmp)"]
        if let srt = ports.srt { doors["srt"] = "\(self.settings.srt.host):\(srt)" }
        self.logger.info("Listening", metadata: doors)
    }
}

/// Notices renewed certificates until the server stops.
private struct CertificateWatch: Service {
    let certificates: TLSCertificates

    func run() async throws {
        await cancelWhenGracefulShutdown { await self.certificates.watch() }
    }
}
