import Glibc

/// The scenarios `renditions` and `recording`. Martlet is published to; for ffmpeg, which then reads it over RTMP as well, nginx-rtmp is, whose work
/// counts as the load's.
enum Encoding {
    private static let rungs = [(height: 480, kilobits: 900), (height: 360, kilobits: 500)]
    private static let settling = 6.0

    // MARK: Renditions

    static func martletLadder(_ kind: ServerKind, _ clip: Clip, _ options: Options) throws(LoadFailure) -> [Metric: Double] {
        let ladder = Self.rungs.map { "\($0.height)p\($0.kilobits)kbps" }.joined(separator: ",")
        let crowd = try Crowd(
            kind, app: RunningServer.app, clip: clip, options: options, settings: ["MARTLET_RENDITIONS_LADDER": ladder])
        defer { crowd.end() }
        try crowd.publish(1)
        try crowd.loop.run(seconds: Self.settling)
        let pages = Puller(url: "", port: crowd.server.httpPort)
        let before = try pages.metrics()
        guard before.sum("martlet_renditions") == Double(Self.rungs.count) else { throw .server("not all renditions are made") }
        var values = try Self.values(of: [crowd.server.meter], load: [], 1, crowd.loop, options)
        values[.dropped] = try (pages.metrics().sum("martlet_frames_dropped_total") ?? 0) - (before.sum("martlet_frames_dropped_total") ?? 0)
        return values
    }

    /// The same scaler, encoder settings and threads of each encoder as Martlet has by default.
    static func ffmpegLadder(_ clip: Clip, _ options: Options) throws(LoadFailure) -> [Metric: Double] {
        let split = Self.rungs.indices.map { "[s\($0)]" }.joined()
        let scale = Self.rungs.enumerated().map { "[s\($0)]scale=-2:\($1.height):flags=bilinear[v\($0)]" }.joined(separator: ";")
        var arguments = ["-filter_complex", "[0:v]split=\(Self.rungs.count)\(split);\(scale)"]
        for (index, rung) in Self.rungs.enumerated() {
            let rate = "\(rung.kilobits)k"
            arguments += ["-map", "[v\(index)]", "-map", "0:a", "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "main", "-bf", "0"]
            arguments += ["-b:v", rate, "-maxrate", rate, "-bufsize", "\(rung.kilobits * 3 / 2)k", "-threads:v", "2", "-g", "100000"]
            arguments += ["-force_key_frames", "source", "-x264-params", "scenecut=0:open-gop=0:rc-lookahead=10", "-c:a", "copy", "-f", "null", "-"]
        }
        return try Self.ffmpeg([arguments], outputs: Self.rungs.count, clip, options)
    }

    // MARK: Recordings

    static func martletRecordings(_ kind: ServerKind, _ count: Int, _ clip: Clip, _ options: Options) throws(LoadFailure) -> [Metric: Double] {
        let crowd = try Crowd(kind, app: RunningServer.app, clip: clip, options: options, settings: ["MARTLET_RECORDING_MP4": "true"])
        defer { crowd.end() }
        try crowd.publish(count)
        try crowd.loop.run(seconds: Self.settling)
        let pages = Puller(url: "", port: crowd.server.httpPort)
        guard try pages.metrics().sum("martlet_recordings") == Double(count) else { throw .server("not all streams are recorded") }
        return try Self.values(of: [crowd.server.meter], load: [], count, crowd.loop, options)
    }

    static func ffmpegRecordings(_ count: Int, _ clip: Clip, _ options: Options) throws(LoadFailure) -> [Metric: Double] {
        let files = (0..<count).map { "\(options.workDirectory)/recorded\($0).mp4" }
        defer { for file in files { unlink(file) } }
        return try Self.ffmpeg(files.map { ["-c", "copy", "-f", "mp4", $0] }, outputs: 1, clip, options)
    }

    // MARK: Both

    /// One process for each list of arguments, each with a publisher of its own.
    private static func ffmpeg(_ jobs: [[String]], outputs: Int, _ clip: Clip, _ options: Options) throws(LoadFailure) -> [Metric: Double] {
        let crowd = try Crowd(.nginx, app: RunningServer.app, clip: clip, options: options)
        defer { crowd.end() }
        try crowd.publish(jobs.count)
        var running: [FFmpegJob] = []
        defer {
            for job in running { job.process.askToEnd() }
            for job in running { job.process.stop() }
        }
        for (index, arguments) in jobs.enumerated() {
            running.append(
                try FFmpegJob("rtmp://127.0.0.1:\(crowd.server.rtmpPort)/\(RunningServer.app)/demo\(index)", arguments, number: index, options))
        }
        let haveBegun = { running.allSatisfy { $0.hasBegun(outputs: outputs) } }
        for _ in 0..<300 where !haveBegun() { try crowd.loop.run(seconds: 0.1) }
        guard haveBegun() else { throw .timedOut("an ffmpeg has not begun: \(running.map(\.log).joined().suffix(600))") }
        try crowd.loop.run(seconds: Self.settling)
        let values = try Self.values(of: running.map(\.meter), load: [crowd.server.meter], jobs.count, crowd.loop, options)
        guard running.allSatisfy(\.process.isRunning) else { throw .server("an ffmpeg has ended: \(running.map(\.log).joined().suffix(600))") }
        return values
    }

    /// The memory is all that the processes have, that which they had before the first stream included.
    private static func values(
        of meters: [ProcessMeter], load: [ProcessMeter], _ streams: Int, _ loop: LoadLoop, _ options: Options
    ) throws(LoadFailure) -> [Metric: Double] {
        let window = try Window.measure(meters, load: load, loop, seconds: options.seconds)
        var values = window.noise
        values[.cpuPerStream] = window.cpuSeconds * 1e3 / (Double(streams) * window.seconds)
        var anonymous = 0.0
        for meter in meters { anonymous += try meter.memory().anonymous }
        values[.memoryPerStream] = anonymous / Double(streams)
        return values
    }
}
