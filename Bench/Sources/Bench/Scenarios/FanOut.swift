/// One publisher and many players: the scenarios `rtmp`, `stalled` and `first-frame`.
enum FanOut {
    static func rtmp(_ kind: ServerKind, players: Int, _ clip: Clip, _ options: Options) throws(LoadFailure) -> [Metric: Double] {
        let stride = max(1, players / 20)
        return try Self.run(kind, players: players, seconds: options.seconds, clip, options, sampled: { $0 % stride == 0 }, stalled: { _ in false })
    }

    /// Every sixth player never reads after its first keyframe; all others are checked. Long enough for the stalled ones' buffers to fill.
    static func stalled(_ kind: ServerKind, _ clip: Clip, _ options: Options) throws(LoadFailure) -> [Metric: Double] {
        let seconds = options.isQuick ? 8 : max(16, options.seconds)
        return try Self.run(kind, players: 300, seconds: seconds, clip, options, sampled: { $0 % 6 != 0 }, stalled: { $0 % 6 == 0 })
    }

    /// A hundred joins, spread over the group of pictures. A player leaves when it has its keyframe, which with a quick server is before the
    /// next one comes.
    static func firstFrame(_ kind: ServerKind, _ clip: Clip, _ options: Options) throws(LoadFailure) -> [Metric: Double] {
        let audience = try Audience(kind, clip: clip, options: options)
        defer { audience.end() }
        let window = try Window.measure(audience.server, audience.loop) { () throws(LoadFailure) in
            try audience.join(100, over: 5.3, leaveAtKeyframe: true, sampled: { _ in true }, stalled: { _ in false })
        }
        return audience.frameFigures().filter { [.firstKeyframeP50, .firstKeyframeP99, .sampledPlayers, .lost].contains($0.key) }
            .merging(window.noise) { $1 }
    }

    private static func run(
        _ kind: ServerKind, players: Int, seconds: Double, _ clip: Clip, _ options: Options, sampled: @escaping (Int) -> Bool,
        stalled: @escaping (Int) -> Bool
    ) throws(LoadFailure) -> [Metric: Double] {
        let audience = try Audience(kind, clip: clip, options: options)
        defer { audience.end() }
        let before = try audience.server.meter.memory()
        try audience.join(players, over: max(0.5, Double(players) / 400), sampled: sampled, stalled: stalled)
        // The group of pictures each one got at once is through by then.
        try audience.loop.run(seconds: 2)
        audience.recordLatency()
        let bytes = audience.receivedBytes
        let window = try Window.measure(audience.server, audience.loop, seconds: seconds)
        let received = Double(audience.receivedBytes - bytes)
        let after = try audience.server.meter.memory()
        try audience.settleFrames()
        var values = audience.frameFigures().merging(window.noise) { $1 }
        values[.cpuPerGB] = received > 0 ? window.cpuSeconds / (received / 1e9) : nil
        let reading = (0..<players).count { !stalled($0) }
        values[.delivered] = received / (Double(reading) * clip.bytesPerSecond * window.seconds)
        // Of a handful of players the difference is noise.
        if players >= 100 {
            values[.memoryPerViewer] = (after.proportional - before.proportional) / Double(players)
            values[.anonymousPerViewer] = (after.anonymous - before.anonymous) / Double(players)
        }
        return values
    }
}
