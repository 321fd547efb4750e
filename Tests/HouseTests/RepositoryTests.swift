import Foundation
import Testing

@Suite struct RepositoryTests {
    @Test(arguments: [
        "Package.swift", "README.md", "LICENSE", "Dockerfile", "compose.yaml", ".dockerignore", ".gitignore", ".ci/run", "config/martlet.yaml",
        "config/martlet.service", "scripts/run", "scripts/test", "scripts/format", "docs/house.md", "docs/packet.md", "docs/call.md",
        "docs/concurrency.md", "docs/specs.md", "docs/bad-input.md",
    ])
    func whatANewcomerLooksForIsThere(path: String) {
        #expect(House.exists(path))
    }

    @Test func scriptsCanBeRun() throws {
        let scripts = try House.names(in: "scripts").map { "scripts/\($0)" }.filter { path in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: House.root.appending(path: path).path, isDirectory: &isFolder) && !isFolder.boolValue
        }
        for path in scripts + [".ci/run"] {
            #expect(FileManager.default.isExecutableFile(atPath: House.root.appending(path: path).path), "\(path)")
            #expect(try House.file(path).text.hasPrefix("#!"), "\(path)")
        }
    }

    @Test func shellScriptsStopAtTheFirstError() throws {
        for file in try House.files(in: "scripts") + [House.file(".ci/run")] where file.text.hasPrefix("#!") && file.lines[0].hasSuffix("bash") {
            #expect(file.text.contains("set -euo pipefail"), "\(file.path)")
        }
    }

    /// Everything works from wherever the tree was put.
    @Test func noFileNamesOneMachine() throws {
        // In two halves, or this file would be found.
        let places = ["/wor" + "k/", "/tmp" + "/w/", "/ro" + "ot/", "/ho" + "me/", "/Use" + "rs/"]
        let single = ["Package.swift", "README.md", "Dockerfile", "compose.yaml", ".ci/run"]
        var files = try single.map { try House.file($0) }
        for folder in ["Sources", "Tests", "config", "docs", "migrations", "scripts"] { files += try House.files(in: folder) }
        for file in files where file.isText {
            for place in places { #expect(!file.mentions(place), "\(file.path) has \(place)") }
        }
    }

    @Test func migrationsAreNumberedWithoutAGap() throws {
        let names = try House.names(in: "migrations")
        for (index, name) in names.enumerated() {
            let digits = String(format: "%04d", index + 1)
            #expect(name.hasPrefix("m\(digits)_") && name.wholeMatch(of: #/m\d{4}_[a-z0-9_]+\.sql/#) != nil, "\(name)")
        }
        #expect(!names.isEmpty)
    }

    /// They are compiled in through a symbolic link, which a copy of the tree by other means than git can lose.
    @Test func theStoreSeesTheMigrations() throws {
        #expect(try House.names(in: "Sources/Store/Migrations") == House.names(in: "migrations"))
    }
}
