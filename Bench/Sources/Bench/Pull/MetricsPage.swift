/// Martlet's page of Prometheus metrics.
struct MetricsPage {
    private let lines: [Substring]

    init(_ text: String) { self.lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") } }

    /// The sum over all labels, or over those lines that have all of these (`proto="Pull"`); nil when there is no such line.
    func sum(_ name: String, _ labels: String...) -> Double? {
        let values = self.lines.compactMap { line -> Double? in
            guard line.hasPrefix(name), let space = line.lastIndex(of: " ") else { return nil }
            let rest = line[..<space].dropFirst(name.count)
            guard rest.isEmpty || rest.hasPrefix("{"), labels.allSatisfy({ rest.contains($0) }) else { return nil }
            return Double(line[line.index(after: space)...])
        }
        return values.isEmpty ? nil : values.reduce(0, +)
    }
}
