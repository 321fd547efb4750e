import Foundation
import Testing
import Yams

@testable import Server

@Suite struct SampleConfigurationTests {
    private let file = SettingsFile(path: RepositoryRoot.path + "/config/martlet.yaml")

    @Test func theSampleFileEqualsTheBuiltInDefaults() throws {
        let loaded = try SettingsLoader.load(file: self.file, environment: [:], flags: [])
        #expect(loaded.settings == Settings())
        for row in SettingTable.all {
            #expect(row.text(loaded.settings) == row.defaultText, "\(row.path)")
        }
    }

    @Test func theSampleFileHasEveryKeyOnce() {
        #expect(self.file.problems.isEmpty)
        #expect(self.file.entries.map(\.path).sorted() == SettingTable.all.map(\.path).sorted())
    }

    @Test func everyKeyOfTheSampleFileIsCommented() throws {
        let lines = try String(contentsOfFile: self.file.name, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
        for entry in self.file.entries {
            let above = lines[entry.line - 2].drop { $0 == " " }
            #expect(above.hasPrefix("#"), "line \(entry.line), \(entry.path): no comment above it")
        }
    }
}
