import Glibc

/// The load generator of scripts/bench. Ends with 0 when everything could be measured and Martlet lost no frame, however fast or slow it was;
/// with 1 otherwise, 2 for a wrong command line, 130 when interrupted.
@main
enum Bench {
    static func main() {
        Interruption.listen()
        do throws(LoadFailure) {
            exit(try Self.run(Array(CommandLine.arguments.dropFirst())))
        } catch {
            Self.tell("bench: \(error)")
            switch error {
            case .usage: exit(2)
            case .interrupted: exit(130)
            default: exit(1)
            }
        }
    }

    private static func run(_ arguments: [String]) throws(LoadFailure) -> Int32 {
        if arguments.contains("--help") || arguments.contains("-h") {
            print(Options.usage)
            return 0
        }
        let options = try Options(arguments)
        try Socket.raiseDescriptorLimit(atLeast: 4096)
        Precedence.claim()
        let clip = try Clip(path: options.clip, period: 32_000)
        let rate = decimal(clip.bytesPerSecond * 8 / 1e6, 2)
        Self.tell("clip: \(clip.videoFrames) frames in \(clip.period / 1000) s, \(rate) Mb/s with audio")
        var measurements: [Measurement] = []
        for scenario in options.scenarios { measurements += try Self.measure(scenario, clip, options) }
        let summary = Summary(measurements: measurements)
        Table.print(summary)
        if !options.json.isEmpty {
            do { try ReportFile.write(summary, options: options, clip: clip) } catch { throw .server("\(options.json): \(error)") }
            print("\nAll figures: \(options.json)")
        }
        return measurements.contains { !$0.faults.isEmpty } ? 1 : 0
    }

    /// Servers take turns within a round, so that what disturbs the machine for a while disturbs all of them.
    private static func measure(_ scenario: Options.Scenario, _ clip: Clip, _ options: Options) throws(LoadFailure) -> [Measurement] {
        let servers: [ServerKind]
        switch scenario {
        case .rtmp: servers = options.servers.filter { $0.isMartlet || $0 == scenario.reference }
        // nginx has nothing of the kind, or is where it goes.
        case .reload, .destinations: servers = Array(options.servers.filter(\.isMartlet).prefix(1))
        // The merge window says nothing about what is not played.
        default: servers = options.servers.filter { $0 == scenario.reference } + options.servers.filter(\.isMartlet).prefix(1)
        }
        let sizes: [Int]
        switch scenario {
        case .rtmp: sizes = options.players
        case .publishers: sizes = options.publishers
        case .hls: sizes = [1] + options.publishers.filter { $0 > 1 }
        case .stalled: sizes = [300]
        case .firstFrame: sizes = [100]
        case .pull: sizes = options.pulls
        case .renditions: sizes = [1]
        case .destinations: sizes = [100]
        case .recording: sizes = options.isQuick ? [1] : [1, 10]
        case .webPlayers, .securePlayers: sizes = [options.viewers]
        case .playlist, .playlistHTTP2: sizes = [1]
        case .rest: sizes = [options.rows]
        case .reload: sizes = [1000]
        }
        var measurements: [Measurement] = []
        for size in sizes {
            // Memory settles the same in every round, and the joins are already a hundred.
            let rounds = scenario == .hls && size == 1 || scenario == .stalled || scenario == .firstFrame || scenario == .reload ? 1 : options.rounds
            for round in 1...rounds {
                // In turn first and last, since what runs after another may find the machine warmer or fuller.
                for server in round % 2 == 1 ? servers : servers.reversed() {
                    var row = Measurement(scenario: scenario, server: server, size: size, round: round)
                    do throws(LoadFailure) {
                        row.values = try Self.measure(scenario, server, size, clip, options)
                        row.faults = Self.faults(row)
                    } catch {
                        if case .interrupted = error { throw error }
                        row.faults = ["\(error)"]
                    }
                    Self.progress(row, of: rounds)
                    measurements.append(row)
                }
            }
        }
        return measurements
    }

    private static func measure(_ scenario: Options.Scenario, _ server: ServerKind, _ size: Int, _ clip: Clip, _ options: Options)
        throws(LoadFailure) -> [Metric: Double]
    {
        switch scenario {
        case .rtmp: try FanOut.rtmp(server, players: size, clip, options)
        case .stalled: try FanOut.stalled(server, clip, options)
        case .firstFrame: try FanOut.firstFrame(server, clip, options)
        case .publishers: try Publishing.idle(server, publishers: size, clip, options)
        case .hls where size == 1: try Publishing.hlsMemory(server, clip, options)
        case .hls: try Publishing.hls(server, publishers: size, clip, options)
        case .pull where server == .ffmpeg: try Pulling.ffmpeg(pulls: size, options)
        case .pull: try Pulling.martlet(server, pulls: size, options)
        case .renditions where server == .ffmpeg: try Encoding.ffmpegLadder(clip, options)
        case .renditions: try Encoding.martletLadder(server, clip, options)
        case .destinations: try Restreaming.run(server, destinations: size, clip, options)
        case .recording where server == .ffmpeg: try Encoding.ffmpegRecordings(size, clip, options)
        case .recording: try Encoding.martletRecordings(server, size, clip, options)
        case .webPlayers, .securePlayers:
            try WebDelivery.players(server, count: size, isSecure: scenario == .securePlayers, clip, options)
        case .playlist, .playlistHTTP2: try WebDelivery.playlist(server, isHTTP2: scenario == .playlistHTTP2, clip, options)
        case .rest: try WebDelivery.rest(server, rows: size, options)
        case .reload: try WebDelivery.reload(server, count: size, clip, options)
        }
    }

    /// What is wrong with a row whatever its figures. The reference may lose what it likes; it is only shown.
    private static func faults(_ row: Measurement) -> [String] {
        guard row.server.isMartlet else { return [] }
        var faults: [String] = []
        if let missing = row.values[.missing], missing > 0 { faults.append("\(Int(missing)) frames missing or out of order") }
        if let lost = row.values[.lost], lost > 0 { faults.append("\(Int(lost)) players lost their connection") }
        if let share = row.values[.delivered], share < 0.97 { faults.append("only \(decimal(share * 100, 1)) % of what was sent has arrived") }
        if let dropped = row.values[.dropped], dropped > 0 { faults.append("\(Int(dropped)) frames dropped") }
        if let pulls = row.values[.pulls], Int(pulls) != row.size { faults.append("only \(Int(pulls)) of the sources are broadcasting at the end") }
        if let speed = row.values[.speed], speed > 0.1 { faults.append("a source's speed is off by \(decimal(speed, 2))") }
        if let bad = row.values[.badAnswers], bad > 0 { faults.append("\(Int(bad)) requests without a good answer") }
        if let bad = row.values[.badPlaylists], bad > 0 { faults.append("\(Int(bad)) playlists refused or empty, or streams without one") }
        return faults
    }

    private static func progress(_ row: Measurement, of rounds: Int) {
        let costs: [Metric] = [
            .cpuPerGB, .cpuOverViewers, .cpuPerRequest, .wakeSpread, .addedThreads, .cpuPerPull, .memoryPerPull, .cpuPerStream, .memoryPerStream,
            .cpuPerPublisher,
            .hlsCPUPerPublisher, .streamMemory,
        ]
        let shown = costs + [.latencyP50, .firstKeyframeP50, .missing, .dropped, .otherCores]
        let figures = shown.compactMap { metric in row.values[metric].map { "\(metric.heading) \(metric.text($0))" } }
        let name = "\(row.scenario.rawValue) \(row.size), round \(row.round)/\(rounds), \(row.server)"
        Self.tell("\(name): \((figures + row.faults).joined(separator: ", "))")
    }

    private static func tell(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = write(STDERR_FILENO, bytes, bytes.count)
    }
}
