import Foundation
import Testing

/// Runs every kept input of the fuzzers through the same functions as they do. The entries are linked from `Tests/Fuzz`.
@Suite struct FuzzReplayTests {
    private static let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fuzz")

    private static func inputs(_ folder: String, _ target: String) throws -> [URL] {
        let folder = Self.package.appending(path: folder).appending(path: target)
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { !$0.lastPathComponent.hasPrefix(".") }.sorted { $0.path < $1.path }
    }

    @Test(arguments: FuzzEntries.all.map(\.target)) func keptInputsHaveNoFinding(target: String) throws {
        let entry = try #require(FuzzEntries.all.first { $0.target == target })
        let corpus = try Self.inputs("Corpus", target)
        #expect(corpus.count >= 3, "the corpus of \(target) is missing")
        for input in corpus + (try Self.inputs("FailCases", target)) {
            let bytes = Array(try Data(contentsOf: input))
            #expect(throws: Never.self, "\(input.lastPathComponent)") { try entry.run(bytes) }
        }
    }

    @Test func everyTargetHasItsProgram() throws {
        let package = try String(contentsOf: Self.package.appending(path: "Package.swift"), encoding: .utf8)
        for target in FuzzEntries.all.map(\.target) { #expect(package.contains("fuzzer(\"\(target)\")")) }
    }
}
