import Glibc
import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization
import TestSupport
import Testing

@testable import HTTP

/// Over real sockets, under Hummingbird's own server.
@Suite(.againstHanging) struct SocketTests {
    @Test func bothPathsOverOneSocket() async throws {
        try await TestServer.run { server in
            let client = try await server.connect()
            try await client.send(Wire.get("/fast/1") + "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + Wire.get("/fast/2"))
            let text = try await client.read(until: { $0.hasSuffix("/fast/2") })
            #expect(Wire.statuses(text) == [200, 200, 200])
            #expect(text.contains("\r\n\r\nhello"))
            try await client.send(Wire.get("/fast/3", "Connection: close\r\n"))
            #expect(try await client.readToEnd().hasSuffix("/fast/3"))
        }
    }

    @Test func aLargeBodyComesBackThroughBackPressure() async throws {
        try await TestServer.run { server in
            let client = try await server.connect()
            let size = 3_000_000
            try await client.send("POST /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: \(size)\r\n\r\n")
            async let answer = client.readToEnd()
            try await client.send(String(repeating: "abcdefghij", count: size / 10))
            let text = try await answer
            #expect(Wire.statuses(text) == [200])
            #expect(text.utf8.count > size)
        }
    }

    /// Short answers go to the socket directly, until it takes no more; long ones and the router's through the channel.
    @Test func answersKeepTheirOrderWhenTheClientReadsLate() async throws {
        let count = 2_000
        var limits = HTTPLimits()
        limits.pipelinedRequests = count
        let body: @Sendable (Int) -> [UInt8] = { number in [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: number * 37 % 20_000) }
        try await TestServer.run(
            limits: limits,
            answer: { request, _ in
                Int(request.path.dropFirst()).map { .now(ReadyResponse(status: 200, body: .buffer(ByteBuffer(bytes: body($0))))) }
            }
        ) { server in
            let client = try await server.connect(autoRead: false)
            for number in 0..<count {
                let routed = number % 50 == 7 ? "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" : ""
                try await client.send(routed + Wire.get("/\(number)", number == count - 1 ? "Connection: close\r\n" : ""))
            }
            try await client.beginReading()
            var responses = Responses(try await client.readBytesToEnd())
            for number in 0..<count {
                if number % 50 == 7 { #expect(responses.next()?.body == Array("hello".utf8)) }
                guard responses.next()?.body == body(number) else {
                    Issue.record("answer \(number) is another one")
                    return
                }
            }
            #expect(responses.next() == nil)
        }
    }

    @Test func aFileIsSentWholeAndInPartAndManyTimes() async throws {
        let path = "/tmp/martlet-http-\(UInt64.random(in: 0 ... .max)).bin"
        let content = (0..<400_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try writeFile(content, to: path)
        defer { unlink(path) }
        try await TestServer.run(answer: { request, _ in
            switch request.path {
            case "/whole": .now(ReadyResponse(status: 200, body: .file(path: path, offset: 0, length: 400_000)))
            case "/part": .now(ReadyResponse(status: 206, body: .file(path: path, offset: 1000, length: 10)))
            case "/gone": .now(ReadyResponse(status: 200, body: .file(path: path + ".no", offset: 0, length: 10)))
            case "/short": .now(ReadyResponse(status: 200, body: .file(path: path, offset: 399_999, length: 2)))
            case "/directory": .now(ReadyResponse(status: 200, body: .file(path: "/tmp", offset: 0, length: 1)))
            default: nil
            }
        }) { server in
            let client = try await server.connect()
            try await client.send(
                Wire.get("/whole") + Wire.get("/part") + Wire.get("/gone") + Wire.get("/short") + Wire.get("/directory")
                    + Wire.get("/whole", "Connection: close\r\n"))
            let bytes = try await client.readBytesToEnd()
            var responses = Responses(bytes)
            let first = responses.next()
            let whole = try #require(first)
            #expect(whole.status == 200)
            #expect(whole.body == content)
            let second = responses.next()
            let part = try #require(second)
            #expect(part.status == 206)
            #expect(part.body == Array(content[1000..<1010]))
            #expect(responses.next()?.status == 404)
            #expect(responses.next()?.status == 404)
            #expect(responses.next()?.status == 404)
            #expect(responses.next()?.body == content)
            #expect(responses.next() == nil)
        }
    }

    @Test func aClientThatNeverReadsIsClosedAndItsFileToo() async throws {
        let path = "/tmp/martlet-http-\(UInt64.random(in: 0 ... .max)).bin"
        try writeFile([UInt8](repeating: 7, count: 30_000_000), to: path)
        defer { unlink(path) }
        var limits = HTTPLimits()
        limits.stallTimeout = .milliseconds(300)
        try await TestServer.run(
            limits: limits, answer: { _, _ in .now(ReadyResponse(status: 200, body: .file(path: path, offset: 0, length: 30_000_000))) }
        ) { server in
            let client = try await server.connect(autoRead: false)
            try await client.send(Wire.get("/"))
            try await server.waitUntilEmpty(after: 1)
            #expect(server.counters.stalledConnections.load(ordering: .relaxed) == 1)
            try await eventually("its file is closed, too") { openDescriptors(named: path) == 0 }
        }
    }

    @Test func connectionsOverTheLimitAreRefusedAndCounted() async throws {
        var limits = HTTPLimits()
        limits.connections = 2
        try await TestServer.run(limits: limits) { server in
            let first = try await server.connect()
            let second = try await server.connect()
            try await first.send(Wire.get("/fast"))
            _ = try await first.read(until: { $0.hasSuffix("/fast") })
            try await second.send(Wire.get("/fast"))
            _ = try await second.read(until: { $0.hasSuffix("/fast") })
            let third = try await server.connect()
            #expect(Wire.statuses(try await third.readToEnd()) == [503])
            #expect(server.counters.refusedConnections.load(ordering: .relaxed) == 1)
            try await first.close()
            try await second.close()
            try await server.waitUntilEmpty(after: 3)
            let fourth = try await server.connect()
            try await fourth.send(Wire.get("/fast", "Connection: close\r\n"))
            #expect(Wire.statuses(try await fourth.readToEnd()) == [200])
        }
    }

    @Test func aThousandConnectionsComeAndGo() async throws {
        try await TestServer.run { server in
            for _ in 0..<10 {
                try await withThrowingTaskGroup(of: [Int].self) { group in
                    for number in 0..<100 {
                        group.addTask {
                            let client = try await server.connect()
                            try await client.send(Wire.get(number % 2 == 0 ? "/fast/\(number)" : "/slow/\(number)", "Connection: close\r\n"))
                            return Wire.statuses(try await client.readToEnd())
                        }
                    }
                    for try await statuses in group { #expect(statuses == [200]) }
                }
            }
            try await server.waitUntilEmpty(after: 1000)
            #expect(server.counters.acceptedConnections.load(ordering: .relaxed) == 1000)
        }
    }
}

func writeFile(_ bytes: [UInt8], to path: String) throws {
    let descriptor = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0o600)
    guard descriptor >= 0 else { throw IOError(errnoCode: errno, reason: "open") }
    defer { close(descriptor) }
    var written = 0
    while written < bytes.count {
        let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else { throw IOError(errnoCode: errno, reason: "write") }
        written += count
    }
}

private func openDescriptors(named path: String) -> Int {
    (0..<1024).count { number in
        var buffer = [CChar](repeating: 0, count: 1024)
        let length = readlink("/proc/self/fd/\(number)", &buffer, buffer.count - 1)
        return length > 0 && String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self) == path
    }
}
