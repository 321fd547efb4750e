/// Many publishers, nobody watching: the scenarios `publishers` and `hls`.
enum Publishing {
    static func idle(_ kind: ServerKind, publishers: Int, _ clip: Clip, _ options: Options) throws(LoadFailure) -> [Metric: Double] {
        let crowd = try Crowd(kind, app: RunningServer.app, clip: clip, options: options)
        defer { crowd.end() }
        // The slope, since the first publisher also pays for whatever is used for the first time. Of one publisher there is nothing else.
        if publishers > 1 { try crowd.publish(1) }
        let (base, groupsOfBase) = (try crowd.server.meter.memory(), try Self.groupBytes(crowd))
        let further = publishers - crowd.publishers.count
        try crowd.publish(further)
        let window = try Window.measure(crowd.server, crowd.loop, seconds: options.seconds)
        var values = window.noise
        values[.cpuPerPublisher] = Self.microseconds(window, publishers)
        let memory = (try crowd.server.meter.memory().proportional - base.proportional) / Double(further)
        values[.memoryPerPublisher] = memory
        // nginx-rtmp keeps no groups of pictures. Martlet keeps as many as late joiners and HLS begin with, and says how many bytes they are.
        guard kind.isMartlet else { return values }
        let groups = (try Self.groupBytes(crowd) - groupsOfBase) / Double(further)
        values[.groupBytes] = groups
        values[.memoryBesideGroup] = memory - groups
        return values
    }

    /// What making HLS of every stream adds. Martlet begins it with the first request, so one process is measured before and after;
    /// nginx-rtmp does it by application, so two are.
    static func hls(_ kind: ServerKind, publishers: Int, _ clip: Clip, _ options: Options) throws(LoadFailure) -> [Metric: Double] {
        let without: Window
        var crowd = try Crowd(kind, app: RunningServer.app, clip: clip, options: options)
        defer { crowd.end() }
        try crowd.publish(publishers)
        without = try Window.measure(crowd.server, crowd.loop, seconds: options.seconds)
        if kind.isMartlet {
            crowd.watchPlaylists()
            try crowd.loop.run(seconds: 6)
        } else {
            crowd.end()
            crowd = try Crowd(kind, app: RunningServer.hlsApp, clip: clip, options: options)
            try crowd.publish(publishers)
        }
        let with = try Window.measure(crowd.server, crowd.loop, seconds: options.seconds)
        var values = with.noise
        values[.cpuPerPublisher] = Self.microseconds(without, publishers)
        values[.hlsCPUPerPublisher] = Self.microseconds(with, publishers) - Self.microseconds(without, publishers)
        return values.merging(Self.playlistFigures(crowd)) { $1 }
    }

    /// Memory of streams with HLS on: that of the first, which also pays for whatever is used for the first time, and that of each of ten more.
    static func hlsMemory(_ kind: ServerKind, _ clip: Clip, _ options: Options) throws(LoadFailure) -> [Metric: Double] {
        let crowd = try Crowd(kind, app: kind.isMartlet ? RunningServer.app : RunningServer.hlsApp, clip: clip, options: options)
        defer { crowd.end() }
        let seconds = options.isQuick ? 10.0 : 30
        let more = 10
        let empty = try crowd.server.meter.memory()
        let one = try Self.memory(crowd, adding: 1, seconds: seconds)
        let all = try Self.memory(crowd, adding: more, seconds: seconds)
        var values = Self.playlistFigures(crowd)
        values[.firstStreamMemory] = one.proportional - empty.proportional
        values[.streamMemory] = (all.proportional - one.proportional) / Double(more)
        if !kind.isMartlet { values[.directoryBytes] = Double(Directory.size(crowd.server.hlsDirectory)) / Double(more + 1) }
        return values
    }

    private static func memory(_ crowd: Crowd, adding count: Int, seconds: Double) throws(LoadFailure) -> ProcessMeter.Memory {
        try crowd.publish(count)
        if crowd.server.kind.isMartlet { crowd.watchPlaylists() }
        try crowd.loop.run(seconds: seconds)
        return try crowd.server.meter.memory()
    }

    private static func playlistFigures(_ crowd: Crowd) -> [Metric: Double] {
        guard crowd.server.kind.isMartlet else { return [:] }
        return [
            .playlists: Double(crowd.viewers.reduce(0) { $0 + $1.good }),
            // A stream whose playlist never came is as bad as a refused one.
            .badPlaylists: Double(crowd.viewers.reduce(0) { $0 + $1.bad + ($1.good == 0 ? 1 : 0) }),
        ]
    }

    private static func groupBytes(_ crowd: Crowd) throws(LoadFailure) -> Double {
        guard crowd.server.kind.isMartlet else { return 0 }
        return try Puller(url: "", port: crowd.server.httpPort).metrics().sum("martlet_group_cache_bytes") ?? 0
    }

    private static func microseconds(_ window: Window, _ publishers: Int) -> Double {
        window.cpuSeconds * 1e6 / (Double(publishers) * window.seconds)
    }
}
