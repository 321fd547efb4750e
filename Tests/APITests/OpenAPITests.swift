import Foundation
import HTTP
import HTTPTypes
import NIOCore
import Streams
import TestSupport
import Testing

@testable import API

/// `openapi.yaml` describes what is served: the same operations in both directions.
@Suite(.againstHanging) struct OpenAPITests {
    private static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("openapi.yaml")

    private struct Described {
        /// Of the REST API, below its prefixes.
        var calls: Set<String> = []
        /// At the server's root: paths with `servers` of their own.
        var atRoot: Set<String> = []
    }

    /// The operations under `paths:`, found by their indentation: `  /path:`, then `    method:`.
    private static func described() throws -> Described {
        let lines = try String(contentsOf: Self.file, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
        let start = try #require(lines.firstIndex(of: "paths:"))
        var described = Described()
        var path: Substring?
        var isAtRoot = false
        for line in lines[lines.index(after: start)...] {
            guard line.isEmpty || line.hasPrefix(" ") else { break }
            if line.hasPrefix("  /"), line.hasSuffix(":") { (path, isAtRoot) = (line.dropFirst(2).dropLast(), false) }
            if line == "    servers:" { isAtRoot = true }
            for method in ["get", "put", "post", "delete", "patch", "head", "options"] where line == "    \(method):" {
                let operation = "\(method.uppercased()) \(try #require(path))"
                let (isNew, _) = isAtRoot ? described.atRoot.insert(operation) : described.calls.insert(operation)
                #expect(isNew, "\(operation) is there twice")
            }
        }
        return described
    }

    @Test func theDescriptionEqualsTheRoutes() async throws {
        let stage = try await RESTStage()
        let served = stage.interface.routes.map { "\($0.method.rawValue) \($0.path)" }
        #expect(Set(served).count == served.count)
        let described = try Self.described().calls
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

    // MARK: Media, pages, health

    @Test func theDescriptionEqualsWhatTheFastPathServes() throws {
        let served = Set((DeliveryResponder.templates + PageResponder.templates).map { "GET \($0)" })
        let described = try Self.described().atRoot
        #expect(served.subtracting(described) == [], "served, not described")
        #expect(described.subtracting(served) == [], "described, not served")
    }

    /// What the templates say is true: each is answered, with an example of every parameter.
    @Test func everyTemplateOfTheFastPathIsAnswered() async throws {
        try await DeliveryFixture.run(.init(metrics: { ByteBuffer(string: "martlet_up 1\n") })) { fixture in
            let publisher = try fixture.publish("demo")
            let pages = PageResponder(apps: ["live"], next: fixture.responder)
            func answer(_ target: String) async throws -> String {
                switch pages.respond(to: .init(method: .get, target: target), on: fixture.loop) {
                case nil: return "\(target): not answered"
                case .now(let response): return "\(target): \(response.status)"
                case .later(let future): return "\(target): \(try await future.get().status)"
                }
            }
            let playlist = try #require(try await fixture.answer("/live/streams/ll-hls/demo/demo.m3u8")).text
            let part = try #require(playlist.firstMatch(of: #/#EXT-X-PART:.*URI="([^"]+)"/#)).output.1
            let manifest = try #require(try await fixture.answer("/live/streams/demo/demo.mpd")).text
            let track = try #require(manifest.firstMatch(of: #/initialization="([^"]+)"/#)).output.1
            for template in DeliveryResponder.templates + PageResponder.templates {
                var target = template.replacing("{app}", with: "live").replacing("{id}", with: "demo").replacing("{file}", with: "demo.mp4")
                    .replacing("{picture}", with: "demo_finished.png")
                target.replace("{piece}", with: template.contains("ll-hls") ? part : track)
                target.replace("{name}", with: template.hasPrefix("/assets/") ? "play.js" : "demo")
                #expect(try await answer(target) == "\(target): 200")
            }
            publisher.end(.finished)
        }
    }
}
