import ArgumentParser
import Foundation

/// The flags that settings are given with. Values are taken as text and checked by the table of settings, like those of the file and the
/// environment, so that all problems are told together and in one form.
struct SettingsOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Read settings from a YAML file; without it no file is read.", valueName: "file"))
    var config: String?

    // Lists, so that a flag given twice can be told instead of the last one winning.
    @Option(name: .customLong("http-port"), parsing: .singleValue, help: ArgumentHelp("http.port", valueName: "port"))
    var httpPort: [String] = []

    @Option(name: .customLong("rtmp-port"), parsing: .singleValue, help: ArgumentHelp("rtmp.port", valueName: "port"))
    var rtmpPort: [String] = []

    @Option(name: .customLong("data-dir"), parsing: .singleValue, help: ArgumentHelp("dataDir", valueName: "path"))
    var dataDir: [String] = []

    @Option(name: .customLong("log-level"), parsing: .singleValue, help: ArgumentHelp("log.level", valueName: "level"))
    var logLevel: [String] = []

    @Option(
        name: .customLong("set"), parsing: .singleValue, help: ArgumentHelp("Any setting, such as --set hls.mode=always", valueName: "key=value"))
    var assignments: [String] = []

    mutating func validate() throws {
        for assignment in self.assignments where !assignment.contains("=") {
            throw ValidationError("--set \(assignment): the form is --set key=value")
        }
    }

    var flags: [SettingsLoader.Flag] {
        let named = [
            ("--http-port", "http.port", self.httpPort), ("--rtmp-port", "rtmp.port", self.rtmpPort),
            ("--data-dir", "dataDir", self.dataDir), ("--log-level", "log.level", self.logLevel),
        ]
        let short = named.flatMap { name, path, values in values.map { SettingsLoader.Flag(name: name, path: path, value: $0) } }
        let long = self.assignments.map { assignment in
            let parts = assignment.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let path = String(parts[0])
            return SettingsLoader.Flag(name: "--set \(path)", path: path, value: parts.count == 2 ? String(parts[1]) : "")
        }
        return short + long
    }

    /// The settings of this process. When something is wrong all of it is printed and the process ends with code 1.
    func load() throws -> LoadedSettings {
        do {
            return try SettingsLoader.load(file: self.config, environment: ProcessInfo.processInfo.environment, flags: self.flags)
        } catch {
            let count = error.problems.count
            let summary = "martlet: \(count == 1 ? "1 problem" : "\(count) problems") in the settings"
            FileHandle.standardError.write(Data("\(error)\n\(summary)\n".utf8))
            throw ExitCode(1)
        }
    }
}
