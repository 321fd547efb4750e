import Foundation

/// The scenario `pull`: so many RTSP sources pulled by one Martlet, or by an `ffmpeg -c copy -f null` each. HLS is idle, nobody watches.
enum Pulling {
    /// Processes start, and broadcasts are started, so many seconds one after the other: opening a source costs much more than reading it.
    private static let pace = 0.05
    /// After the last one is live: what was read ahead while opening is through by then.
    private static let settling = 3.0

    static func martlet(_ kind: ServerKind, pulls: Int, _ options: Options) throws(LoadFailure) -> [Metric: Double] {
        let source = try RTSPSource(options)
        defer { source.stop() }
        let settings = ["MARTLET_SOURCES_ALLOW_LOCAL_ADDRESSES": "true", "MARTLET_SOURCES_RTSP_TRANSPORT": "tcp"]
        let server = try RunningServer.start(kind, options, settings: settings)
        defer { server.stop() }
        let puller = Puller(url: source.url, port: server.httpPort)
        let loop = try LoadLoop()
        let empty = try server.meter.memory()
        try Self.add(1, to: puller, loop)
        let one = try server.meter.memory()
        let groupOfOne = try puller.metrics().sum("martlet_group_cache_bytes") ?? 0
        if pulls > 1 { try Self.add(pulls - 1, to: puller, loop) }

        // Asked for outside the window, since answering costs; so frames have a stretch of their own.
        let (start, before) = (monotonicNow(), try puller.metrics())
        let window = try Window.measure([server.meter], load: source.meters, loop, seconds: options.seconds)
        let (end, metrics) = (monotonicNow(), try puller.metrics())
        let all = try server.meter.memory()
        var values = window.noise.merging(try puller.states()) { $1 }
        values[.cpuPerPull] = Self.milliseconds(window, pulls)
        let due = Double(pulls) * RTSPSource.framesPerSecond * Double(end - start) / 1e9
        values[.delivered] = try (Self.frames(metrics) - Self.frames(before)) / due
        // Frames from before a source's first picture are nobody's loss, so what is dropped until all of them run is counted by itself.
        if let early = before.sum("martlet_frames_dropped_total"), let dropped = metrics.sum("martlet_frames_dropped_total") {
            values[.droppedAtStart] = early
            values[.dropped] = dropped - early
        }
        values[.repairs] = metrics.sum("martlet_timestamp_repairs_total")
        // The slope, since the first pull also pays for whatever is used for the first time. Of one pull there is nothing else.
        let (base, groupOfBase, further) = pulls > 1 ? (one, groupOfOne, pulls - 1) : (empty, 0, 1)
        let group = ((metrics.sum("martlet_group_cache_bytes") ?? 0) - groupOfBase) / Double(further)
        let memory = (all.anonymous - base.anonymous) / Double(further)
        values[.memoryPerPull] = memory
        // Of the libraries the source's own ffmpeg shares some from the first pull on, so of one pull the difference says nothing.
        values[.proportionalPerPull] = pulls > 1 ? (all.proportional - base.proportional) / Double(further) : nil
        values[.groupBytes] = group
        values[.memoryBesideGroup] = memory - group
        return values
    }

    static func ffmpeg(pulls: Int, _ options: Options) throws(LoadFailure) -> [Metric: Double] {
        let source = try RTSPSource(options)
        defer { source.stop() }
        let loop = try LoadLoop()
        var readers: [FFmpegReader] = []
        defer {
            // All of them first, so that they end at the same time.
            for reader in readers { reader.process.askToEnd() }
            for reader in readers { reader.process.stop() }
        }
        for index in 0..<pulls {
            readers.append(try FFmpegReader(source.url, number: index, options))
            try loop.run(seconds: Self.pace)
            for reader in readers { reader.look() }
        }
        for _ in 0..<600 where !readers.allSatisfy(\.hasBegun) {
            try loop.run(seconds: 0.1)
            for reader in readers { reader.look() }
        }
        let late = readers.filter { !$0.hasBegun }
        if let reader = late.first {
            throw .timedOut("\(late.count) of \(pulls) ffmpeg processes have not opened the source: \(reader.log.suffix(600))")
        }
        try loop.run(seconds: Self.settling)

        let meters = readers.map { ProcessMeter(identifier: $0.process.identifier) }
        let window = try Window.measure(meters, load: source.meters, loop, seconds: options.seconds)
        var values = window.noise
        var (proportional, anonymous) = (0.0, 0.0)
        for meter in meters {
            let memory = try meter.memory()
            proportional += memory.proportional
            anonymous += memory.anonymous
        }
        values[.cpuPerPull] = Self.milliseconds(window, pulls)
        values[.memoryPerPull] = anonymous / Double(pulls)
        values[.proportionalPerPull] = proportional / Double(pulls)
        values[.pulls] = Double(readers.count { $0.process.isRunning })
        for reader in readers { reader.end() }
        values[.delivered] = median(readers.map(\.deliveredShare))
        return values
    }

    /// Starts so many more pulls and waits until all of them are broadcasting.
    private static func add(_ count: Int, to puller: Puller, _ loop: LoadLoop) throws(LoadFailure) {
        for _ in 0..<count {
            try puller.add()
            try loop.run(seconds: Self.pace)
        }
        let wanted = Double(puller.count)
        var live = 0.0
        for _ in 0..<60 where live < wanted {
            try loop.run(seconds: 1)
            live = try puller.metrics().sum("martlet_pulls", "state=\"broadcasting\"") ?? 0
        }
        guard live == wanted else { throw .timedOut("only \(Int(live)) of \(puller.count) sources came to be broadcasting") }
        try loop.run(seconds: Self.settling)
    }

    /// Frames of all pulls since the server's start.
    private static func frames(_ metrics: MetricsPage) throws(LoadFailure) -> Double {
        guard let frames = metrics.sum("martlet_ingest_frames_total", "proto=\"Pull\"") else {
            throw .malformed("/metrics says nothing of pulled frames")
        }
        return frames
    }

    private static func milliseconds(_ window: Window, _ pulls: Int) -> Double { window.cpuSeconds * 1e3 / (Double(pulls) * window.seconds) }
}
