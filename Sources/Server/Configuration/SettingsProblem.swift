/// One thing that is wrong with the settings. Any problem keeps the server from starting.
struct SettingsProblem: Sendable, Equatable, CustomStringConvertible {
    enum Reason: Sendable, Equatable {
        /// `value` is nil for a secret.
        case notAllowed(value: String?, allowed: String)
        case unknownKey(suggestion: String?)
        case duplicate(first: SettingSource)
        case wrong(String)
    }

    let source: SettingSource
    /// The key's path; empty when no single key is to blame.
    let key: String
    let reason: Reason

    var description: String {
        let place = self.key.isEmpty ? "\(self.source)" : "\(self.source): \(self.key)"
        switch self.reason {
        case .notAllowed(let value, let allowed):
            return "\(place): \(value ?? "the value") is not allowed; allowed: \(allowed)"
        case .unknownKey(let suggestion):
            return "\(place): there is no such setting" + (suggestion.map { "; did you mean \($0)?" } ?? "")
        case .duplicate(let first):
            return "\(place): set twice; first at \(first)"
        case .wrong(let what):
            return "\(place): \(what)"
        }
    }
}

/// Everything that is wrong with the settings.
struct SettingsError: Error, Sendable, CustomStringConvertible {
    let problems: [SettingsProblem]

    var description: String { self.problems.map(\.description).joined(separator: "\n") }
}
