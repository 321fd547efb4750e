import Foundation
import Testing

/// Libraries that must not be older than their last known hole.
@Suite struct LibraryVersionTests {
    /// What the check of the scripts says of a version of libsrt; the package system's answer is made up.
    private func check(_ version: String) throws -> (status: Int32, words: String) {
        let bash = Process()
        bash.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        bash.currentDirectoryURL = House.root
        bash.arguments = [
            "bash", "-c", ". scripts/lib/setup.sh; dpkg-query() { [[ -n $made_up ]] || return 1; printf %s \"$made_up\"; }; require_patched_libsrt",
        ]
        bash.environment = ProcessInfo.processInfo.environment.merging(["made_up": version]) { _, new in new }
        let errors = Pipe()
        bash.standardError = errors
        try bash.run()
        let words = String(decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        bash.waitUntilExit()
        return (bash.terminationStatus, words)
    }

    @Test(arguments: ["1.5.1-1+deb12u2", "1.5.1-1+deb12u10", "1.5.4-1"]) func aPatchedLibsrtIsTaken(version: String) throws {
        #expect(try self.check(version).status == 0)
    }

    @Test(arguments: ["1.5.1-1", "1.5.1-1+deb12u1", "1.4.4-1", ""]) func anOlderOneIsRefusedWithWords(version: String) throws {
        let answer = try self.check(version)
        #expect(answer.status == 1)
        #expect(answer.words.contains("1.5.1-1+deb12u2") && answer.words.contains(version.isEmpty ? "none" : version))
    }

    @Test func theImageAsksForTheSame() throws {
        let setup = try House.file("scripts/lib/setup.sh").text
        let line = try #require(setup.split(separator: "\n").first { $0.hasPrefix("patched_libsrt=") })
        let version = String(line.dropFirst("patched_libsrt=".count))
        #expect(try House.file("Dockerfile").text.contains("ge \(version)"))
        #expect(try House.file("docs/specs.md").text.contains(version))
        for script in ["scripts/run", "scripts/test"] { #expect(try House.file(script).text.contains("\nrequire_patched_libsrt\n")) }
    }
}
