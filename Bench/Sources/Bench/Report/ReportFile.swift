import Foundation

/// The machine-readable result: every round's figures, medians, ratios and goals.
enum ReportFile {
    private struct Row: Encodable {
        var scenario: String
        var server: String
        var size: Int
        var round: Int
        var values: [String: Double]
        var faults: [String]
    }

    private struct Median: Encodable {
        var scenario: String
        var server: String
        var size: Int
        var values: [String: Double]
        /// What the ratios are to.
        var reference: String
        var ratios: [String: Double]
    }

    private struct Target: Encodable {
        var goal: String
        var size: Int
        var limit: Double
        var measured: Double
        var isReached: Bool
    }

    private struct Machine: Encodable {
        var cores: Int
        var processor: String
        var kernel: String
    }

    private struct Report: Encodable {
        var machine: Machine
        /// Of what is published; pulled is another clip.
        var clipBytesPerSecond: Double
        var secondsPerMeasurement: Double
        var rounds: [Row]
        var medians: [Median]
        var goals: [Target]
    }

    static func write(_ summary: Summary, options: Options, clip: Clip) throws {
        let rows = summary.measurements.map { row in
            let values = Dictionary(uniqueKeysWithValues: row.values.map { ($0.key.rawValue, $0.value) })
            return Row(
                scenario: row.scenario.rawValue, server: "\(row.server)", size: row.size, round: row.round, values: values, faults: row.faults)
        }
        var medians: [Median] = []
        for scenario in Options.Scenario.allCases {
            for size in summary.sizes(of: scenario) {
                medians += summary.servers(of: scenario).map { Self.median(scenario, $0, size, summary) }
            }
        }
        let goals = Goal.all.flatMap { goal in
            goal.results(in: summary).map {
                Target(goal: goal.text, size: $0.size, limit: goal.limit, measured: $0.value, isReached: $0.value <= goal.limit)
            }
        }
        let report = Report(
            machine: try Self.machine(), clipBytesPerSecond: clip.bytesPerSecond, secondsPerMeasurement: options.seconds, rounds: rows,
            medians: medians, goals: goals)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(report).write(to: URL(fileURLWithPath: options.json))
    }

    private static func median(_ scenario: Options.Scenario, _ server: ServerKind, _ size: Int, _ summary: Summary) -> Median {
        let reference = "\(scenario.reference)"
        var median = Median(scenario: scenario.rawValue, server: "\(server)", size: size, values: [:], reference: reference, ratios: [:])
        for metric in Metric.allCases {
            median.values[metric.rawValue] = summary.value(scenario, server, size, metric)
            if server.isMartlet { median.ratios[metric.rawValue] = summary.ratio(scenario, server, size, metric) }
        }
        return median
    }

    private static func machine() throws(LoadFailure) -> Machine {
        let model = try FileBytes.text("/proc/cpuinfo").split(separator: "\n").first { $0.hasPrefix("model name") }
        let kernel = try FileBytes.text("/proc/sys/kernel/osrelease")
        return Machine(
            cores: ProcessInfo.processInfo.activeProcessorCount,
            processor: model.map { String($0.drop { $0 != ":" }.dropFirst(2)) } ?? "unknown",
            kernel: kernel.trimmingCharacters(in: .whitespacesAndNewlines))
    }
}
