/// The scenario `destinations`: one publisher whose stream Martlet pushes to so many places, all of them on one nginx-rtmp, which counts as the load.
/// Beside it, in a server process of its own, as many RTMP players of the same stream.
enum Restreaming {
    static func run(_ kind: ServerKind, destinations: Int, _ clip: Clip, _ options: Options) throws(LoadFailure) -> [Metric: Double] {
        let viewers = try FanOut.rtmp(kind, players: destinations, clip, options)
        var sinkOptions = options
        sinkOptions.workDirectory += "/sink"
        try Directory.make(sinkOptions.workDirectory)
        let sink = try RunningServer.start(.nginx, sinkOptions)
        defer { sink.stop() }
        let crowd = try Crowd(kind, app: RunningServer.app, clip: clip, options: options)
        defer { crowd.end() }
        try crowd.publish(1)
        try Self.add(1, from: 0, to: crowd, sink)
        // The slope, since the first also pays for whatever is used for the first time.
        let one = try crowd.server.meter.memory()
        try Self.add(destinations - 1, from: 1, to: crowd, sink)
        try crowd.loop.run(seconds: 3)
        let pages = Puller(url: "", port: crowd.server.httpPort)
        let before = try pages.metrics()
        let window = try Window.measure([crowd.server.meter], load: [sink.meter], crowd.loop, seconds: options.seconds)
        let after = try pages.metrics()
        let all = try crowd.server.meter.memory()
        var values = window.noise
        let sent = (after.sum("martlet_destination_sent_bytes_total") ?? 0) - (before.sum("martlet_destination_sent_bytes_total") ?? 0)
        values[.cpuPerGB] = sent > 0 ? window.cpuSeconds / (sent / 1e9) : nil
        if let own = values[.cpuPerGB], let theirs = viewers[.cpuPerGB], theirs > 0 { values[.cpuOverViewers] = own / theirs }
        values[.delivered] = sent / (Double(destinations) * clip.bytesPerSecond * window.seconds)
        values[.memoryPerViewer] = (all.proportional - one.proportional) / Double(destinations - 1)
        values[.anonymousPerViewer] = (all.anonymous - one.anonymous) / Double(destinations - 1)
        values[.dropped] = (after.sum("martlet_frames_dropped_total") ?? 0) - (before.sum("martlet_frames_dropped_total") ?? 0)
        return values
    }

    /// Adds so many more destinations and waits until all of them are live.
    private static func add(_ count: Int, from first: Int, to crowd: Crowd, _ sink: RunningServer) throws(LoadFailure) {
        for number in first..<(first + count) {
            let json = "{\"endpointUrl\":\"rtmp://127.0.0.1:\(sink.rtmpPort)/\(RunningServer.app)/copy\(number)\"}"
            let answer = try HTTPCall("POST", "/v2/broadcasts/demo0/endpoint", json: json, port: crowd.server.httpPort)
            guard answer.body.contains("\"success\":true") else { throw .refused("destination \(number): \(answer.body)") }
        }
        let pages = Puller(url: "", port: crowd.server.httpPort)
        var live = 0.0
        for _ in 0..<100 where live < Double(first + count) {
            try crowd.loop.run(seconds: 0.2)
            live = try pages.metrics().sum("martlet_destinations", "state=\"live\"") ?? 0
        }
        guard live == Double(first + count) else { throw .timedOut("only \(Int(live)) of \(first + count) destinations came to be live") }
    }
}
