import NIOCore

/// Writes metrics in Prometheus' text exposition format, version 0.0.4.
struct PrometheusText {
    enum Kind: String {
        case counter
        case gauge
        case histogram
    }

    private(set) var buffer = ByteBuffer()

    /// One metric with its samples; nothing when there are none. `name` without the `martlet_` that is put before it.
    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ samples: [(labels: [(String, String)], value: Double)]) {
        guard !samples.isEmpty else { return }
        self.head(name, kind, help)
        for sample in samples { self.sample(name, sample.labels, sample.value) }
    }

    mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        self.add(name, kind, help, [([], value)])
    }

    /// `counts` are per bucket, not added up; the last one is of values above all bounds.
    mutating func addHistogram(_ name: String, _ help: String, bounds: [Double], counts: [UInt64], sum: Double) {
        self.head(name, .histogram, help)
        var total: UInt64 = 0
        for (bound, count) in zip(bounds, counts) {
            total += count
            self.sample(name + "_bucket", [("le", Self.number(bound))], Double(total))
        }
        total += counts.last ?? 0
        self.sample(name + "_bucket", [("le", "+Inf")], Double(total))
        self.sample(name + "_sum", [], sum)
        self.sample(name + "_count", [], Double(total))
    }

    private mutating func head(_ name: String, _ kind: Kind, _ help: String) {
        self.buffer.writeString("# HELP martlet_\(name) \(help)\n# TYPE martlet_\(name) \(kind.rawValue)\n")
    }

    private mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Double) {
        let text = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
        self.buffer.writeString("martlet_\(name)\(text.isEmpty ? "" : "{\(text)}") \(Self.number(value))\n")
    }

    private static func escaped(_ text: String) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\"": result += "\\\""
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }
}
