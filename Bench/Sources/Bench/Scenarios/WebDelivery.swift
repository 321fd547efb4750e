import Glibc

/// HLS and REST over HTTP: the scenarios that `http` stands for.
enum WebDelivery {
    /// A Martlet with one stream being published, its playlist full; and nginx with the same files, where that is what is measured.
    private final class Stage {
        static let key = "demo"
        static let playlist = "/\(RunningServer.app)/streams/\(key).m3u8"

        let loop: LoadLoop
        let martlet: RunningServer
        let web: WebServer?
        let securePort: UInt16
        private let publisher: Publisher
        private let mirror: LiveMirror?

        init(_ kind: ServerKind, _ clip: Clip, _ options: Options) throws(LoadFailure) {
            let certificate = try Certificate(options)
            self.loop = try LoadLoop()
            let securePort = try Socket.freePorts(1)[0]
            let settings = [
                "MARTLET_HTTPS_PORT": "\(securePort)", "MARTLET_HTTPS_CERTIFICATE": certificate.path, "MARTLET_HTTPS_KEY": certificate.key,
                "MARTLET_RTMPS_PORT": "0",
            ]
            // Where nginx is measured, Martlet only makes the files.
            self.martlet = try RunningServer.start(kind.isMartlet ? kind : .martlet(mergeWindow: 30), options, settings: settings)
            do throws(LoadFailure) {
                self.publisher = try Publisher(
                    clip: clip, app: RunningServer.app, key: Self.key, port: self.martlet.rtmpPort, keepsLog: false, loop: self.loop)
                let publisher = self.publisher
                guard try self.loop.run(atMost: 5, until: { publisher.isPublishing }) else { throw .timedOut("publish on \(kind)") }
                try self.loop.run(seconds: 2.5)
                try Self.awaitSegments(4, port: self.martlet.httpPort, self.loop)
                self.web = kind == .web ? try WebServer.nginx(options, certificate: certificate) : nil
                self.mirror =
                    if let web = self.web { try LiveMirror(path: Self.playlist, port: self.martlet.httpPort, root: web.root) } else { nil }
                self.securePort = self.web?.securePort ?? securePort
                if let mirror = self.mirror { self.loop.schedule(mirror, at: monotonicNow()) }
            } catch {
                self.martlet.stop()
                throw error
            }
        }

        deinit { self.end() }

        var meter: ProcessMeter { self.web?.meter ?? self.martlet.meter }
        var port: UInt16 { self.web?.port ?? self.martlet.httpPort }
        /// Martlet knows by the first bytes what is spoken.
        var http2Port: UInt16 { self.web?.http2Port ?? self.martlet.httpPort }

        private static func awaitSegments(_ count: Int, port: UInt16, _ loop: LoadLoop) throws(LoadFailure) {
            for _ in 0..<60 {
                let answer = try HTTPCall("GET", Self.playlist, port: port)
                if answer.body.split(separator: "\n").count(where: { $0.hasPrefix("#EXTINF") }) >= count { return }
                try loop.run(seconds: 0.5)
            }
            throw .timedOut("no playlist with \(count) segments")
        }

        func end() {
            self.publisher.close(self.loop)
            self.web?.stop()
            self.martlet.stop()
        }
    }

    /// Each asks for the playlist every two seconds, and for every segment once.
    static func players(
        _ kind: ServerKind, count: Int, isSecure: Bool, _ clip: Clip, _ options: Options
    ) throws(LoadFailure) -> [Metric: Double] {
        let stage = try Stage(kind, clip, options)
        defer { stage.end() }
        var players: [HLSPlayer] = []
        defer { for player in players { player.close(stage.loop) } }
        let folder = "/\(RunningServer.app)/streams/"
        let now = monotonicNow()
        for index in 0..<count {
            let player = HLSPlayer(
                folder: folder, name: "\(Stage.key).m3u8", port: isSecure ? stage.securePort : stage.port, isSecure: isSecure)
            players.append(player)
            // Spread over the time between two of one player's requests.
            stage.loop.schedule(player, at: now + UInt64(index) * 2_000_000_000 / UInt64(count))
        }
        try stage.loop.run(seconds: 6)
        let (bytes, playlists) = players.reduce((UInt64(0), 0)) { ($0.0 + $1.receivedBytes, $0.1 + $1.playlists) }
        let window = try Window.measure([stage.meter], load: [], stage.loop, seconds: options.seconds)
        let received = Double(players.reduce(0) { $0 + $1.receivedBytes } - bytes)
        var values = window.noise
        values[.cpuPerGB] = received > 0 ? window.cpuSeconds / (received / 1e9) : nil
        values[.playlists] = Double(players.reduce(0) { $0 + $1.playlists } - playlists)
        values[.badAnswers] = Double(players.reduce(0) { $0 + $1.bad })
        values[.delivered] = received / (Double(count) * clip.bytesPerSecond * window.seconds)
        return values
    }

    /// The media playlist of a live stream, again and again.
    static func playlist(_ kind: ServerKind, isHTTP2: Bool, _ clip: Clip, _ options: Options) throws(LoadFailure) -> [Metric: Double] {
        let stage = try Stage(kind, clip, options)
        defer { stage.end() }
        let url = "http://127.0.0.1:\(isHTTP2 ? stage.http2Port : stage.port)\(Stage.playlist)"
        let tool = LoadTool(isHTTP2: isHTTP2, connections: isHTTP2 ? 10 : 50, streams: isHTTP2 ? 100 : 1, urls: [url])
        return try Self.measure(tool, options.isQuick ? 50_000 : 200_000, stage.meter, stage.loop, options)
    }

    /// One broadcast after another, of so many.
    static func rest(_ kind: ServerKind, rows: Int, _ options: Options) throws(LoadFailure) -> [Metric: Double] {
        let loop = try LoadLoop()
        let count = options.isQuick ? 20_000 : 60_000
        if kind == .hello {
            let server = try WebServer.hello(options)
            defer { server.stop() }
            return try Self.measure(LoadTool(urls: ["http://127.0.0.1:\(server.port)/hello"]), count, server.meter, loop, options)
        }
        let server = try RunningServer.start(kind, options)
        defer { server.stop() }
        let body = "\(options.workDirectory)/broadcast.json"
        try FileBytes.write("{\"name\":\"One of many\",\"description\":\"A row of the bench\"}", to: body)
        let base = "http://127.0.0.1:\(server.httpPort)/v2/broadcasts/"
        let made = try LoadTool(connections: 10, bodyFile: body, urls: [base + "create"]).run(rows, options, loop)
        guard made.bad == 0 else { throw .refused("\(made.bad) of \(rows) broadcasts were not made") }
        var urls: [String] = []
        while urls.count < rows {
            let page = try HTTPCall("GET", "/v2/broadcasts/list/\(urls.count)/50", port: server.httpPort).body
            let ids = page.split(separator: "{\"streamId\":\"").dropFirst(page.hasPrefix("[{") ? 1 : 0).map { $0.prefix { $0 != "\"" } }
            guard !ids.isEmpty else { throw .malformed("the list of broadcasts has \(urls.count) of \(rows)") }
            urls += ids.map { base + $0 }
        }
        return try Self.measure(LoadTool(urls: urls), count, server.meter, loop, options)
    }

    private static func measure(
        _ tool: LoadTool, _ count: Int, _ meter: ProcessMeter, _ loop: LoadLoop, _ options: Options
    ) throws(LoadFailure) -> [Metric: Double] {
        // What is used for the first time, and caches.
        _ = try tool.run(count / 4, options, loop)
        var result: LoadTool.Result?
        let window = try Window.measure([meter], load: [], loop) { () throws(LoadFailure) in result = try tool.run(count, options, loop) }
        guard let result else { throw .server("nothing was measured") }
        var values = window.noise
        values[.cpuPerRequest] = window.cpuSeconds * 1e6 / Double(count)
        values[.requests] = Double(result.good)
        values[.badAnswers] = Double(result.bad)
        let cores = result.cpuSeconds / window.seconds
        values[.generatorCores] = (values[.generatorCores] ?? 0) + cores
        values[.otherCores] = max(0, (values[.otherCores] ?? 0) - cores)
        return values
    }

    /// All ask for the segment after the one that is being made; when it is whole, all are answered.
    static func reload(_ kind: ServerKind, count: Int, _ clip: Clip, _ options: Options) throws(LoadFailure) -> [Metric: Double] {
        let stage = try Stage(kind, clip, options)
        defer { stage.end() }
        let path = "/\(RunningServer.app)/streams/ll-hls/\(Stage.key)/\(Stage.key).m3u8"
        let lines = try HTTPCall("GET", path, port: stage.port).body.split(separator: "\n")
        guard let first = lines.first(where: { $0.hasPrefix("#EXT-X-MEDIA-SEQUENCE:") }).flatMap({ Int($0.dropFirst(22)) }) else {
            throw .malformed("the low-latency playlist")
        }
        let next = first + lines.count { $0.hasPrefix("#EXTINF") } + 1
        let before = try stage.meter.threads()
        var requests: [BlockedReload] = []
        defer { for request in requests { request.close(stage.loop) } }
        let window = try Window.measure([stage.meter], load: [], stage.loop) { () throws(LoadFailure) in
            for _ in 0..<count { requests.append(try BlockedReload(path: "\(path)?_HLS_msn=\(next)", port: stage.port, loop: stage.loop)) }
            try stage.loop.run(seconds: 1)
        }
        let early = requests.count { $0.answeredAt != nil }
        let blocked = try stage.meter.threads()
        guard try stage.loop.run(atMost: 15, until: { requests.allSatisfy { $0.answeredAt != nil } }) else {
            throw .timedOut("\(requests.count { $0.answeredAt == nil }) blocked reloads were not answered")
        }
        let times = requests.compactMap(\.answeredAt)
        var values = window.noise
        values[.addedThreads] = Double(max(0, blocked - before))
        values[.wakeSpread] = Double((times.max() ?? 0) - (times.min() ?? 0)) / 1e6
        values[.wakeCPU] = window.cpuSeconds * 1e6 / Double(count)
        values[.badAnswers] = Double(requests.count { !$0.isGood } + early)
        return values
    }
}
