/// The rounds of a run put together: medians, and ratios taken within each round, since what disturbs a round disturbs both servers in it.
struct Summary {
    let measurements: [Measurement]

    func sizes(of scenario: Options.Scenario) -> [Int] { Set(self.measurements.filter { $0.scenario == scenario }.map(\.size)).sorted() }

    func servers(of scenario: Options.Scenario) -> [ServerKind] {
        // The first round is in the order of the command line.
        var servers: [ServerKind] = []
        for measurement in self.measurements where measurement.scenario == scenario && !servers.contains(measurement.server) {
            servers.append(measurement.server)
        }
        return servers
    }

    /// The median; of counts that should be zero, the worst.
    func value(_ scenario: Options.Scenario, _ server: ServerKind, _ size: Int, _ metric: Metric) -> Double? {
        let values = self.rows(scenario, server, size).compactMap { $0.values[metric] }
        switch metric {
        case .missing, .lost, .badPlaylists, .badAnswers, .addedThreads, .dropped, .droppedAtStart, .repairs, .speed: return values.max()
        case .pulls: return values.min()
        default: return median(values)
        }
    }

    /// The median of the rounds' ratios to the scenario's reference.
    func ratio(_ scenario: Options.Scenario, _ server: ServerKind, _ size: Int, _ metric: Metric) -> Double? {
        let ratios = self.rows(scenario, server, size).compactMap { row -> Double? in
            guard let value = row.values[metric] else { return nil }
            let reference = self.rows(scenario, scenario.reference, size).first { $0.round == row.round }?.values[metric]
            return reference.flatMap { $0 > 0 ? value / $0 : nil }
        }
        return median(ratios)
    }

    /// Smallest and largest ratio of the rounds: how much to believe the median.
    func ratioSpread(_ scenario: Options.Scenario, _ server: ServerKind, _ size: Int, _ metric: Metric) -> (Double, Double)? {
        let ratios = Set(self.rows(scenario, server, size).map(\.round)).compactMap { round in
            Summary(measurements: self.measurements.filter { $0.round == round }).ratio(scenario, server, size, metric)
        }
        guard ratios.count > 1, let low = ratios.min(), let high = ratios.max() else { return nil }
        return (low, high)
    }

    private func rows(_ scenario: Options.Scenario, _ server: ServerKind, _ size: Int) -> [Measurement] {
        self.measurements.filter { $0.scenario == scenario && $0.server == server && $0.size == size }
    }
}
