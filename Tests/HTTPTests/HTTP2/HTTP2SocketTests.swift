import Foundation
import NIOCore
import Synchronization
import TestSupport
import Testing
import TransportSecurity

@testable import HTTP

/// Over real sockets under Hummingbird's server, with clients that others wrote.
@Suite(.againstHanging) struct HTTP2SocketTests {
    private func scratchFile(_ bytes: Int) throws -> (path: String, content: [UInt8]) {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-http2-\(UUID().uuidString)").path
        let content = (0..<bytes).map { UInt8(truncatingIfNeeded: $0 &* 131 &+ $0 >> 8) }
        try writeFile(content, to: path)
        return (path, content)
    }

    @Test func curlSpeaksHTTP2WithPriorKnowledgeToBothPaths() async throws {
        try await TestServer.run { server in
            let origin = "http://127.0.0.1:\(server.port)"
            #expect(try await Tool.curl(["--http2-prior-knowledge", "\(origin)/fast/1"]) == "2 200 7")
            #expect(try await Tool.curl(["--http2-prior-knowledge", "\(origin)/routed"]) == "2 200 0")
            #expect(try await Tool.curl(["--http2-prior-knowledge", "-d", "hello", "\(origin)/routed"]) == "2 200 5")
            #expect(try await Tool.curl(["\(origin)/fast/1"]) == "1.1 200 7")
            #expect(server.counters.http2Connections.load(ordering: .relaxed) == 3)
            try await server.waitUntilEmpty(after: 4)
        }
    }

    @Test func aBodyOfManyWindowsComesBackWhole() async throws {
        let (path, content) = try self.scratchFile(6_000_000)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: path) } }
        try await TestServer.run { server in
            let answer = path + ".answer"
            let line = try await Tool.curl(
                ["--http2-prior-knowledge", "--data-binary", "@\(path)", "http://127.0.0.1:\(server.port)/echo"], to: answer)
            #expect(line == "2 200 6000000")
            #expect(try Data(contentsOf: URL(fileURLWithPath: answer)) == Data(content))
            try FileManager.default.removeItem(atPath: answer)
        }
    }

    @Test func anAnswerBeforeTheBodyReachesTheClient() async throws {
        let (path, _) = try self.scratchFile(400_000)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: path) } }
        try await TestServer.run { server in
            let line = try await Tool.curl(["--http2-prior-knowledge", "--data-binary", "@\(path)", "http://127.0.0.1:\(server.port)/ignore"])
            #expect(line == "2 403 0")
        }
    }

    @Test func aFileIsSentWhole() async throws {
        let (path, content) = try self.scratchFile(3_000_000)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: path) } }
        try await TestServer.run(answer: { _, _ in .now(ReadyResponse(status: 200, body: .file(path: path, offset: 0, length: 3_000_000))) }) {
            server in
            let answer = path + ".answer"
            #expect(try await Tool.curl(["--http2-prior-knowledge", "http://127.0.0.1:\(server.port)/"], to: answer) == "2 200 3000000")
            #expect(try Data(contentsOf: URL(fileURLWithPath: answer)) == Data(content))
            try FileManager.default.removeItem(atPath: answer)
        }
    }

    @Test(arguments: ["/fast/1", "/routed"]) func manyStreamsOnFewConnectionsAreAllAnswered(path: String) async throws {
        try await TestServer.run { server in
            let tool = try await Tool.run("h2load", ["-n", "2000", "-c", "4", "-m", "100", "http://127.0.0.1:\(server.port)\(path)"])
            #expect(tool.status == 0)
            #expect(tool.output.contains("2000 succeeded, 0 failed, 0 errored"), "\(tool.output)")
            #expect(server.counters.http2Streams.load(ordering: .relaxed) == 2000)
            try await server.waitUntilEmpty(after: 4)
        }
    }

    @Test func aClientThatGoesInTheMiddleLeavesNothingBehind() async throws {
        try await TestServer.run { server in
            for _ in 0..<20 {
                let client = try await server.connect()
                let bytes = HTTP2Wire.hello() + HTTP2Wire.request("/echo", on: 1, method: "POST", extra: [("content-length", "9")], end: false)
                try await client.send(bytes + HTTP2Wire.request("/fast/1", on: 3))
                let seen = try await client.read(until: { $0.contains("/fast/1") })
                #expect(seen.contains("/fast/1"))
                try await client.close()
            }
            try await server.waitUntilEmpty(after: 20)
        }
    }

    @Test func aClientThatNeverReadsIsClosed() async throws {
        var limits = HTTPLimits()
        limits.stallTimeout = .milliseconds(300)
        let body = ByteBuffer(repeating: 1, count: 30_000_000)
        try await TestServer.run(limits: limits, answer: { _, _ in .now(ReadyResponse(status: 200, body: .buffer(body))) }) { server in
            let client = try await server.connect(autoRead: false)
            let window = HTTP2Wire.frame(.windowUpdate, stream: 0, HTTP2Wire.bytes(1 << 30))
            try await client.send(HTTP2Wire.hello([(4, 1 << 30)]) + window + HTTP2Wire.request("/", on: 1))
            try await server.waitUntilEmpty(after: 1)
            #expect(server.counters.stalledConnections.load(ordering: .relaxed) == 1)
        }
    }

    @Test func aClientThatResetsWhatTheRouterAnswersLosesOnlyThat() async throws {
        try await TestServer.run { server in
            let client = try await server.connect()
            try await client.send(HTTP2Wire.hello())
            for number in 0..<50 {
                let stream = UInt32(number * 2 + 1)
                try await client.send(
                    HTTP2Wire.request("/echo", on: stream, method: "POST", extra: [("content-length", "5")], end: false)
                        + HTTP2Wire.frame(.reset, stream: stream, HTTP2Wire.bytes(8)))
            }
            try await client.send(HTTP2Wire.request("/fast/still", on: 1001))
            let seen = try await client.read(until: { $0.contains("/fast/still") })
            #expect(seen.contains("/fast/still"))
            try await client.close()
            try await server.waitUntilEmpty(after: 1)
        }
    }

    /// A client that keeps to the limit of open streams can still be ahead of the router.
    @Test func aRouterThatIsBusyIsWaitedFor() async throws {
        var limits = HTTPLimits()
        limits.routedStreams = 1
        try await TestServer.run(limits: limits) { server in
            let client = try await server.connect()
            func begin(_ stream: UInt32) -> [UInt8] {
                HTTP2Wire.request("/echo", on: stream, method: "POST", extra: [("content-length", "5")], end: false)
            }
            func end(_ stream: UInt32, _ text: String) -> [UInt8] {
                HTTP2Wire.frame(.data, flags: HTTP2Wire.endStream, stream: stream, Array(text.utf8))
            }
            try await client.send(HTTP2Wire.hello() + begin(1) + begin(3) + begin(5) + begin(7))
            // The third is given up while it waits, the others have their bodies before their turn.
            try await client.send(
                HTTP2Wire.frame(.reset, stream: 5, HTTP2Wire.bytes(8)) + end(7, "seven") + end(3, "three") + HTTP2Wire.request("/fast", on: 9))
            let before = try await client.read(until: { $0.contains("/fast") })
            #expect(!before.contains("three") && !before.contains("seven"))
            try await client.send(end(1, "first"))
            let after = try await client.read(until: { $0.contains("seven") })
            #expect(after.contains("first") && after.contains("three"))
            #expect(server.counters.routedRequests.load(ordering: .relaxed) == 4)
            // And one that ends with requests in the queue leaves nothing behind.
            try await client.send(begin(11) + begin(13) + begin(15))
            try await client.send(HTTP2Wire.request("/fast/again", on: 17))
            #expect(try await client.read(until: { $0.contains("/fast/again") }).contains("/fast/again"))
            try await client.close()
            try await server.waitUntilEmpty(after: 1)
        }
    }
}
