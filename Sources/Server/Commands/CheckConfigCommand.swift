import ArgumentParser
import Foundation

/// `martlet check-config`: what the server would start with, and where each value comes from.
struct CheckConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config",
        abstract: "Check the settings and print those in force.",
        discussion: "Exits with 0 when the server would start with them, with 1 and a list of what is wrong otherwise. Secrets are not printed.")

    @OptionGroup var options: SettingsOptions

    func run() throws {
        let loaded = try self.options.load()
        for warning in loaded.warnings { FileHandle.standardError.write(Data("warning: \(warning)\n".utf8)) }
        print(SettingsReport.text(loaded))
    }
}

/// The settings in force, one a line: key, value, source.
enum SettingsReport {
    static func text(_ loaded: LoadedSettings) -> String {
        let rows = SettingTable.all.map { row in ("\(row.path) = \(row.text(loaded.settings))", loaded.source(of: row.path)) }
        let width = min(rows.map(\.0.count).max() ?? 0, 60)
        return rows.map { text, source in
            text + String(repeating: " ", count: max(0, width - text.count)) + "  # \(source)"
        }.joined(separator: "\n")
    }
}
