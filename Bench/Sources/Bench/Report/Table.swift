/// The tables printed at the end.
enum Table {
    static func print(_ summary: Summary) {
        for scenario in Options.Scenario.allCases where !summary.sizes(of: scenario).isEmpty {
            Swift.print("\n\(Self.title(scenario))")
            for group in Self.groups(scenario, summary) { Self.printRows(scenario, sizes: group.sizes, group.metrics, summary) }
        }
        Self.printGoals(summary)
        let faults = summary.measurements.flatMap { row in
            row.faults.map { "\(row.scenario.rawValue) \(row.size), \(row.server), round \(row.round): \($0)" }
        }
        if !faults.isEmpty { Swift.print("\nNot as it should be\n  " + faults.joined(separator: "\n  ")) }
    }

    private static func title(_ scenario: Options.Scenario) -> String {
        switch scenario {
        case .rtmp: "RTMP fan-out: one publisher, so many players"
        case .publishers: "Publishers without viewers"
        case .hls: "Publishers with HLS made of every stream (size 1: memory of one stream)"
        case .stalled: "300 players, 50 of which never read"
        case .firstFrame: "Players joining one after the other"
        case .webPlayers: "Players of one HLS stream over HTTP/1.1: playlist and segments"
        case .securePlayers: "The same over TLS 1.3"
        case .playlist: "One playlist over HTTP/1.1, 50 connections"
        case .playlistHTTP2: "One playlist over HTTP/2, 10 connections with 100 streams"
        case .rest: "GET /v2/broadcasts/{id} of so many, beside Hummingbird's hello world"
        case .reload: "Blocked reloads of low-latency HLS"
        case .renditions: "720p30 encoded to 480p and 360p by one server, and by one ffmpeg"
        case .recording: "Streams recorded as mp4 by one server, and by an ffmpeg -c copy each"
        case .destinations: "One publisher pushed to so many places, beside as many RTMP players"
        case .pull: "RTSP sources pulled by one server, and by an ffmpeg each"
        }
    }

    private static let noise: [Metric] = [.serverCores, .generatorCores, .otherCores, .latenessP99]

    private static func groups(_ scenario: Options.Scenario, _ summary: Summary) -> [(sizes: [Int], metrics: [Metric])] {
        let sizes = summary.sizes(of: scenario)
        switch scenario {
        case .rtmp, .stalled:
            let cost: [Metric] = [.cpuPerGB, .memoryPerViewer, .anonymousPerViewer, .latencyP50, .latencyP99, .firstKeyframeP50, .firstKeyframeP99]
            return [(sizes, cost + [.sampledPlayers, .missing, .lost, .delivered] + Self.noise)]
        case .publishers: return [(sizes, [.cpuPerPublisher, .memoryPerPublisher, .groupBytes, .memoryBesideGroup] + Self.noise)]
        case .hls:
            let memory: [Metric] = [.firstStreamMemory, .streamMemory, .directoryBytes, .playlists, .badPlaylists]
            return [
                (sizes.filter { $0 > 1 }, [.cpuPerPublisher, .hlsCPUPerPublisher, .playlists, .badPlaylists] + Self.noise),
                (sizes.filter { $0 == 1 }, memory),
            ]
        case .firstFrame: return [(sizes, [.firstKeyframeP50, .firstKeyframeP99, .sampledPlayers, .lost] + Self.noise)]
        case .webPlayers, .securePlayers: return [(sizes, [.cpuPerGB, .playlists, .delivered, .badAnswers] + Self.noise)]
        case .playlist, .playlistHTTP2, .rest:
            return [(sizes, [.cpuPerRequest, .requests, .badAnswers] + Self.noise.filter { $0 != .latenessP99 })]
        case .reload: return [(sizes, [.wakeSpread, .addedThreads, .wakeCPU, .badAnswers] + Self.noise)]
        case .renditions, .recording: return [(sizes, [.cpuPerStream, .memoryPerStream, .dropped] + Self.noise)]
        case .destinations:
            return [(sizes, [.cpuPerGB, .cpuOverViewers, .memoryPerViewer, .anonymousPerViewer, .delivered, .dropped] + Self.noise)]
        case .pull:
            let cost: [Metric] = [.cpuPerPull, .memoryPerPull, .proportionalPerPull, .groupBytes, .memoryBesideGroup]
            // The generator does nothing at fixed times here, the source does.
            return [(sizes, cost + [.pulls, .speed, .dropped, .droppedAtStart, .repairs, .delivered] + Self.noise.filter { $0 != .latenessP99 })]
        }
    }

    private static func printRows(_ scenario: Options.Scenario, sizes: [Int], _ metrics: [Metric], _ summary: Summary) {
        guard !sizes.isEmpty, let main = metrics.first else { return }
        var lines = [["size", "server", "× \(scenario.reference.shortName)", "(min–max)"] + metrics.map(\.heading)]
        for size in sizes {
            for server in summary.servers(of: scenario) {
                let ratio = summary.ratio(scenario, server, size, main).map { decimal($0, 2) } ?? "–"
                let spread = summary.ratioSpread(scenario, server, size, main).map { "\(decimal($0.0, 2))–\(decimal($0.1, 2))" } ?? ""
                let cells = metrics.map { metric in summary.value(scenario, server, size, metric).map { metric.text($0) } ?? "–" }
                lines.append(["\(size)", "\(server)", server.isMartlet ? ratio : "", server.isMartlet ? spread : ""] + cells)
            }
        }
        let widths = lines[0].indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        for line in lines {
            let cells = line.enumerated().map { column, cell in
                let fill = String(repeating: " ", count: widths[column] - cell.count)
                return column == 1 ? cell + fill : fill + cell
            }
            Swift.print("  " + cells.joined(separator: "  "))
        }
    }

    private static func printGoals(_ summary: Summary) {
        var lines: [String] = []
        for goal in Goal.all {
            for result in goal.results(in: summary) {
                let value = goal.isRatio ? decimal(result.value, 2) : goal.metric.text(result.value)
                let verdict = result.value <= goal.limit ? "reached" : "MISSED"
                lines.append("  \(verdict.padded(8)) \(value.padded(8)) size \(String(result.size).padded(5)) \(goal.text)")
            }
        }
        if !lines.isEmpty { Swift.print("\nGoals\n" + lines.joined(separator: "\n")) }
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - self.count)) }
}
