import Gateways
public import HTTP
public import NIOCore
public import Outputs

/// Everything that is answered without the router: live HLS and DASH, recordings, health and metrics.
///
/// Media is found below `/{app}/streams/` and pictures below `/{app}/previews/`, for the app and each of its aliases; there this responder answers
/// every request, 404 included. Media and health are open to all, as is the time at `/{app}/time`; who may read the metrics is the composition root's word.
public final class DeliveryResponder: ReadyResponder {
    public struct Configuration: Sendable {
        public var app: String
        public var appAliases: [String]
        /// Holds what `VoD.filePath` names below `streams/`. Absolute.
        public var mediaDirectory: String
        /// Directories of the host that links in it may lead to.
        public var importDirectories: [String]

        public init(app: String, appAliases: [String] = [], mediaDirectory: String, importDirectories: [String] = []) {
            self.app = app
            self.appAliases = appAliases
            self.mediaDirectory = mediaDirectory
            self.importDirectories = importDirectories
        }
    }

    /// Called on event loops: must be quick and must not block.
    public struct Hooks: Sendable {
        public var isReady: @Sendable () -> Bool
        /// Prometheus text; nil: there are no metrics here.
        public var metrics: (@Sendable () -> ByteBuffer)?
        /// Whether whoever asks may read them.
        public var allowMetrics: @Sendable (ReadyRequest) -> Bool
        /// Somebody wants to watch the broadcast of this id. Nil: nothing starts it because of that; so for every id that nobody knows. Otherwise its
        /// source is on or on the way, and this tells whether the stream is live, within ten seconds or so. Asked with every request for a playlist,
        /// so it must not look anything up in a database.
        public var startForViewer: @Sendable (String, any EventLoop) -> EventLoopFuture<Bool>?

        public init(
            isReady: @escaping @Sendable () -> Bool = { true }, metrics: (@Sendable () -> ByteBuffer)? = nil,
            allowMetrics: @escaping @Sendable (ReadyRequest) -> Bool = { _ in true },
            startForViewer: @escaping @Sendable (String, any EventLoop) -> EventLoopFuture<Bool>? = { _, _ in nil }
        ) {
            self.isReady = isReady
            self.metrics = metrics
            self.allowMetrics = allowMetrics
            self.startForViewer = startForViewer
        }
    }

    let hls: LiveHLS
    let files: MediaFiles
    let pictures: Pictures?
    private let apps: Set<Substring>
    private let targets = MediaTargets()
    let hooks: Hooks
    /// Milliseconds since 1970.
    private let wallClock: @Sendable () -> Int64

    public convenience init(configuration: Configuration, hls: LiveHLS, pictures: Pictures? = nil, hooks: Hooks = .init()) {
        self.init(configuration: configuration, hls: hls, pictures: pictures, hooks: hooks, wallClock: { WallTime.now() })
    }

    init(
        configuration: Configuration, hls: LiveHLS, pictures: Pictures? = nil, hooks: Hooks, wallClock: @escaping @Sendable () -> Int64
    ) {
        self.hls = hls
        self.pictures = pictures
        self.wallClock = wallClock
        self.hooks = hooks
        self.files = MediaFiles(folder: .init(path: configuration.mediaDirectory, importDirectories: configuration.importDirectories))
        self.apps = Set(([configuration.app] + configuration.appAliases).map { Substring($0) })
    }

    /// What is answered here, as `openapi.yaml` has it. The names of media are `LiveHLS`'s, and those of files.
    static let templates = [
        "/healthz", "/liveness", "/readyz", "/metrics", "/{app}/time", "/{app}/streams/{id}.m3u8", "/{app}/streams/{id}_adaptive.m3u8",
        "/{app}/streams/ll-hls/{id}/{name}__master.m3u8", "/{app}/streams/ll-hls/{id}/{name}.m3u8", "/{app}/streams/ll-hls/{id}/{piece}",
        "/{app}/streams/{id}/{name}.mpd", "/{app}/streams/{id}/{piece}", "/{app}/streams/{file}", "/{app}/previews/{picture}",
    ]

    public func respond(to request: ReadyRequest, on eventLoop: any EventLoop) -> ReadyAnswer? {
        if let target = self.targets.known(request.path) { return self.media(target, request, on: eventLoop) }
        switch request.path {
        case "/healthz", "/liveness":
            return .now(self.status(isGood: true, request))
        case "/readyz":
            return .now(self.status(isGood: self.hooks.isReady(), request))
        case "/metrics":
            return self.metrics(request).map { .now($0) }
        default:
            guard let path = self.path(request.path, below: "streams") else {
                if let name = self.path(request.path, below: "previews") { return self.picture(name, request, on: eventLoop) }
                return self.isTime(request.path) ? .now(self.time(request)) : nil
            }
            let target = MediaPath.decode(path).map { MediaTargets.Target(path: $0) }
            if let target { self.targets.note(target, of: request.path) }
            return self.media(target, request, on: eventLoop)
        }
    }

    /// What follows `/{app}/{folder}/`; nil when the path is none of those.
    private func path(_ path: String, below folder: Substring) -> Substring? {
        let parts = path.dropFirst().split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[1] == folder, self.apps.contains(parts[0]) else { return nil }
        return parts.count == 3 ? parts[2] : ""
    }

    /// `/{app}/time`.
    private func isTime(_ path: String) -> Bool { path.hasSuffix("/time") && self.apps.contains(path.dropFirst().dropLast(5)) }

    /// The server's clock, for DASH players (ISO/IEC 23009-1 §5.8.5.7, urn:mpeg:dash:utc:http-iso:2014).
    private func time(_ request: ReadyRequest) -> ReadyResponse {
        switch request.method {
        case .get, .head: break
        case .options: return DeliveryHeaders.preflight
        case .other: return DeliveryHeaders.methodNotAllowed
        }
        return ReadyResponse(
            status: 200, headers: [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")] + DeliveryHeaders.cors,
            body: .buffer(ByteBuffer(string: WallTime.text(milliseconds: self.wallClock()))))
    }

    private func media(_ target: MediaTargets.Target?, _ request: ReadyRequest, on eventLoop: any EventLoop) -> ReadyAnswer {
        switch request.method {
        case .get, .head: break
        case .options: return .now(DeliveryHeaders.preflight)
        case .other: return .now(DeliveryHeaders.methodNotAllowed)
        }
        guard let target else { return .now(DeliveryHeaders.notFound) }
        return self.live(target, request, on: eventLoop) ?? .now(self.file(target.path, in: self.files, request, now: .now()))
    }

    // MARK: Health and metrics

    private func status(isGood: Bool, _ request: ReadyRequest) -> ReadyResponse {
        guard request.method == .get || request.method == .head else { return DeliveryHeaders.methodNotAllowed }
        return .text(status: isGood ? 200 : 503, isGood ? "ok" : "not ready", headers: [("Cache-Control", "no-store")])
    }

    private func metrics(_ request: ReadyRequest) -> ReadyResponse? {
        guard let metrics = self.hooks.metrics else { return nil }
        guard request.method == .get || request.method == .head else { return DeliveryHeaders.methodNotAllowed }
        guard self.hooks.allowMetrics(request) else { return .text(status: 403, "Forbidden") }
        return ReadyResponse(
            status: 200, headers: [("Content-Type", "text/plain; version=0.0.4; charset=utf-8"), ("Cache-Control", "no-store")],
            body: .buffer(metrics()))
    }
}
