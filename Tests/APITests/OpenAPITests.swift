import Foundation
import HTTPTypes
import Testing

@testable import API

/// `openapi.yaml` describes the API as it is served: the same operations in both directions.
@Suite struct OpenAPITests {
    private static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("openapi.yaml")

    /// The operations under `paths:`, found by their indentation: `  /path:`, then `    method:`.
    private static func described() throws -> Set<String> {
        let lines = try String(contentsOf: Self.file, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
        let start = try #require(lines.firstIndex(of: "paths:"))
        var operations: Set<String> = []
        var path: Substring?
        for line in lines[lines.index(after: start)...] {
            guard line.isEmpty || line.hasPrefix(" ") else { break }
            if line.hasPrefix("  /"), line.hasSuffix(":") { path = line.dropFirst(2).dropLast() }
            for method in ["get", "put", "post", "delete", "patch", "head", "options"] where line == "    \(method):" {
                let (isNew, _) = operations.insert("\(method.uppercased()) \(try #require(path))")
                #expect(isNew, "\(method) \(path ?? "") is there twice")
            }
        }
        return operations
    }

    @Test func theDescriptionEqualsTheRoutes() async throws {
        let stage = try await RESTStage()
        let served = stage.interface.routes.map { "\($0.method.rawValue) \($0.path)" }
        #expect(Set(served).count == served.count)
        let described = try Self.described()
        #expect(Set(served).subtracting(described) == [], "served, not described")
        #expect(described.subtracting(served) == [], "described, not served")
    }

    @Test func everyParameterOfAPathIsDescribed() async throws {
        let stage = try await RESTStage()
        let text = try String(contentsOf: Self.file, encoding: .utf8)
        for route in stage.interface.routes {
            for case .parameter(let name) in route.path.parts { #expect(text.contains("name: \(name)\n"), "\(name) of \(route.path)") }
        }
    }
}
