import AV

/// Puts the settings together: built-in defaults, then the file, then the environment, then the flags; each overrides what came before.
///
/// Every source is read to its end before anything is decided, so that all problems are told at once.
struct SettingsLoader {
    /// A setting given on the command line.
    struct Flag: Equatable {
        /// As it is typed: `--http-port`, `--set http.port`.
        let name: String
        let path: String
        let value: String
    }

    private var settings = Settings()
    private var sources: [String: SettingSource] = [:]
    private var problems: [SettingsProblem] = []
    private var warnings: [String] = []

    /// - Parameters:
    ///   - file: Path of the YAML file; nil reads none.
    ///   - environment: All variables of the process; those that do not begin with `MARTLET_` are not looked at.
    static func load(file: String?, environment: [String: String], flags: [Flag]) throws(SettingsError) -> LoadedSettings {
        try self.load(file: file.map { SettingsFile(path: $0) }, environment: environment, flags: flags)
    }

    static func load(file: SettingsFile?, environment: [String: String], flags: [Flag]) throws(SettingsError) -> LoadedSettings {
        var loader = SettingsLoader()
        if let file { loader.apply(file) }
        loader.apply(environment: environment)
        loader.apply(flags)
        loader.readTokenFile()
        loader.checkTogether()
        guard loader.problems.isEmpty else { throw SettingsError(problems: loader.problems) }
        return LoadedSettings(settings: loader.settings, sources: loader.sources, warnings: loader.warnings)
    }

    private mutating func apply(_ file: SettingsFile) {
        self.problems += file.problems
        for entry in file.entries {
            guard let row = SettingTable[entry.path] else { continue }
            self.set(row, entry.value, from: .file(path: file.name, line: entry.line))
        }
        // In the order of the file, whatever the kind.
        self.problems.sort { ($0.source.line ?? 0) < ($1.source.line ?? 0) }
    }

    private mutating func apply(environment: [String: String]) {
        let rows = Dictionary(uniqueKeysWithValues: SettingTable.all.map { ($0.environmentName, $0) })
        for (name, value) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix(SettingTable.environmentPrefix) {
            if let row = rows[name] {
                self.set(row, .scalar(value, isQuoted: false), from: .environment(name: name))
            } else {
                let near = Spelling.nearest(to: name, among: Array(rows.keys))
                self.warnings.append(
                    "environment variable \(name): there is no such setting; it is ignored" + (near.map { "; did you mean \($0)?" } ?? ""))
            }
        }
    }

    private mutating func apply(_ flags: [Flag]) {
        var seen: [String: Flag] = [:]
        for flag in flags {
            let source = SettingSource.flag(flag.name)
            guard let row = SettingTable[flag.path] else {
                self.report(source, flag.path, .unknownKey(suggestion: SettingTable.suggestion(for: flag.path)))
                continue
            }
            if let first = seen[flag.path] {
                self.report(source, flag.path, .duplicate(first: .flag(first.name)))
                continue
            }
            seen[flag.path] = flag
            self.set(row, .scalar(flag.value, isQuoted: false), from: source)
        }
    }

    private mutating func set(_ row: SettingDescriptor, _ value: RawSetting, from source: SettingSource) {
        if row.assign(value, &self.settings) {
            self.sources[row.path] = source
        } else {
            self.report(source, row.path, .notAllowed(value: row.isSecret ? nil : value.text, allowed: row.allowed))
        }
    }

    private mutating func readTokenFile() {
        let path = self.settings.api.tokenFile
        guard !path.isEmpty else { return }
        let source = self.source(of: "api.tokenFile")
        guard self.settings.api.token.isEmpty else {
            self.report(source, "api.tokenFile", .wrong("api.token is set too (\(self.source(of: "api.token"))); set one of them"))
            return
        }
        guard let row = SettingTable["api.token"], let text = SecretFile.read(path) else {
            self.report(source, "api.tokenFile", .wrong("\(path) cannot be read, or is no text of at most 4 KiB"))
            return
        }
        guard !text.isEmpty, row.assign(.scalar(text, isQuoted: true), &self.settings) else {
            self.report(source, "api.tokenFile", .wrong("what \(path) holds is no token; allowed: one line of \(row.allowed)"))
            return
        }
        self.sources["api.token"] = .file(path: path, line: nil)
    }

    private mutating func checkTogether() {
        let (http, rtmp) = (self.settings.http, self.settings.rtmp)
        if http.port != 0, http.port == rtmp.port {
            self.report(self.source(of: "rtmp.port"), "rtmp.port", .wrong("\(rtmp.port) is http.port too (\(self.source(of: "http.port")))"))
        }
        self.checkSlate()
        let endpoints = self.settings.endpoints
        if endpoints.slateLimit <= endpoints.slateAfter {
            self.report(
                self.source(of: "endpoints.slateLimit"), "endpoints.slateLimit",
                .wrong("must be longer than endpoints.slateAfter (\(self.source(of: "endpoints.slateAfter"))), or nothing would ever stand in"))
        }
        if !self.settings.api.token.isEmpty, self.settings.api.token.count < 16 {
            self.warnings.append("api.token (\(self.source(of: "api.token"))) is shorter than 16 characters and can be guessed")
        }
    }

    /// What cannot be shown is better known now than when it is needed.
    private mutating func checkSlate() {
        let path = self.settings.endpoints.slate
        guard !path.isEmpty else { return }
        do throws(AVFailure) {
            try LoopEncoder.check(path: path)
        } catch {
            self.report(
                self.source(of: "endpoints.slate"), "endpoints.slate",
                .wrong("\(path) cannot be shown: \(error); allowed: \(SettingTable["endpoints.slate"]?.allowed ?? "")"))
        }
    }

    private func source(of path: String) -> SettingSource { self.sources[path] ?? .builtIn }

    private mutating func report(_ source: SettingSource, _ key: String, _ reason: SettingsProblem.Reason) {
        self.problems.append(SettingsProblem(source: source, key: key, reason: reason))
    }
}

/// Settings that are fit to start with.
struct LoadedSettings: Sendable {
    let settings: Settings
    /// Where each key that is not at its built-in default was set.
    let sources: [String: SettingSource]
    /// What does not keep the server from starting but should be looked at.
    let warnings: [String]

    func source(of path: String) -> SettingSource { self.sources[path] ?? .builtIn }
}
