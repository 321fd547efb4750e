/// Where a value was set.
enum SettingSource: Sendable, Equatable, CustomStringConvertible {
    case builtIn
    /// `line` counts from 1; nil when the whole file is meant.
    case file(path: String, line: Int?)
    case environment(name: String)
    /// As it is typed: `--http-port`, `--set http.port`.
    case flag(String)

    /// In a file, where it is known.
    var line: Int? {
        if case .file(_, let line) = self { line } else { nil }
    }

    var description: String {
        switch self {
        case .builtIn: "built-in default"
        case .file(let path, let line?): "\(path):\(line)"
        case .file(let path, nil): path
        case .environment(let name): "environment variable \(name)"
        case .flag(let flag): flag
        }
    }
}
