import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOHTTPTypes
import Synchronization
import Testing

@testable import HTTP

@Suite struct FastPathTests {
    private static func echo(_ request: ReadyRequest, _ loop: any EventLoop) -> ReadyAnswer? {
        request.path.hasPrefix("/fast") ? .now(ReadyResponse(status: 200, body: .buffer(ByteBuffer(string: request.path)))) : nil
    }

    @Test func aReadyAnswerLeavesAtOnceWithLengthAndDateAndNeverReachesTheRouter() throws {
        let connection = try EmbeddedConnection(answer: Self.echo)
        try connection.send(Wire.get("/fast/1"))
        let text = try connection.received()
        #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(text.contains("\r\nContent-Length: 7\r\n"))
        #expect(text.contains(" GMT\r\n"))
        #expect(!text.contains("Connection:"))
        #expect(text.hasSuffix("\r\n\r\n/fast/1"))
        #expect(connection.router.parts.isEmpty)
        #expect(connection.isOpen)
        #expect(connection.counters.readyRequests.load(ordering: .relaxed) == 1)
    }

    @Test func headAndBodyLeaveInOneGatheredWrite() throws {
        let connection = try EmbeddedConnection(answer: Self.echo)
        let flushes = FlushCounter()
        try connection.channel.pipeline.syncOperations.addHandler(flushes, position: .first)
        try connection.send(Wire.get("/fast/1") + Wire.get("/fast/2") + Wire.get("/fast/3"))
        #expect(try connection.statuses() == [200, 200, 200])
        #expect(flushes.count == 1)
    }

    @Test func theRequestIsSeenAsSent() throws {
        let connection = try EmbeddedConnection(answer: Self.echo)
        try connection.send("GET /fast/a%2Fb?x=1&y=%20 HTTP/1.1\r\nHost: x\r\nACCEPT-encoding: gzip\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n")
        try connection.send("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
        let seen = connection.responder.seen.withLock { $0 }
        try #require(seen.count == 2)
        #expect(seen[0].method == .get)
        #expect(seen[0].path == "/fast/a%2Fb")
        #expect(seen[0].query == "x=1&y=%20")
        #expect(seen[0].header("Accept-Encoding") == "gzip")
        #expect(seen[0].headers("cookie") == ["a=1", "b=2"])
        #expect(seen[0].remoteAddress == "192.0.2.7")
        #expect(seen[1].method == .options)
        #expect(seen[1].path == "*")
    }

    @Test(arguments: [
        ("GET http://host:1/fast?q HTTP/1.1", "/fast", "q" as String?), ("GET HTTPS://host HTTP/1.1", "/", nil),
        ("GET http://host?q HTTP/1.1", "/", "q"),
    ])
    func anAbsoluteTargetIsBroughtToOriginForm(line: String, path: String, query: String?) throws {
        let connection = try EmbeddedConnection(answer: Self.echo)
        try connection.send(line + "\r\nHost: x\r\n\r\n")
        let seen = connection.responder.seen.withLock { $0 }
        try #require(seen.count == 1)
        #expect(seen[0].path == path)
        #expect(seen[0].query == query)
    }

    @Test func aHeadAnswerHasTheLengthButNoBody() throws {
        let connection = try EmbeddedConnection(answer: Self.echo)
        try connection.send("HEAD /fast/1 HTTP/1.1\r\nHost: x\r\n\r\n" + Wire.get("/fast/2"))
        let text = try connection.received()
        #expect(text.contains("Content-Length: 7\r\n"))
        #expect(!text.contains("/fast/1"))
        #expect(text.hasSuffix("/fast/2"))
    }

    @Test(arguments: [204, 304]) func aStatusWithoutBodyHasNoLengthEither(status: Int) throws {
        let connection = try EmbeddedConnection { _, _ in .now(ReadyResponse(status: status, body: .buffer(ByteBuffer(string: "never")))) }
        try connection.send(Wire.get("/"))
        let text = try connection.received()
        #expect(text.hasSuffix("\r\n\r\n"))
        #expect(!text.contains("Content-Length"))
    }

    @Test func aFieldThatWouldSplitTheAnswerIsLeftOut() throws {
        let connection = try EmbeddedConnection { _, _ in
            .now(ReadyResponse(status: 200, headers: [("X-Good", "1"), ("X-Bad", "a\r\nSet-Cookie: b"), ("X Bad", "1"), ("X-Nul", "\0")]))
        }
        try connection.send(Wire.get("/"))
        let text = try connection.received()
        #expect(text.contains("X-Good: 1\r\n"))
        #expect(!text.contains("Set-Cookie"))
        #expect(!text.contains("Bad"))
        #expect(!text.contains("X-Nul"))
    }

    @Test func anyCutOfTheBytesGivesTheSameAnswers() throws {
        let input = Array((Wire.get("/fast/1") + "POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + Wire.get("/fast/2")).utf8)
        for piece in [1, 2, 7, 64, 1000] {
            let connection = try EmbeddedConnection(answer: Self.echo)
            var rest = input[...]
            while !rest.isEmpty {
                try connection.channel.writeInbound(ByteBuffer(bytes: rest.prefix(piece)))
                rest = rest.dropFirst(piece)
            }
            #expect(connection.router.body == "hello")
            connection.router.respond("slow")
            let text = try connection.received()
            #expect(Wire.statuses(text) == [200, 200, 200])
            #expect(text.hasSuffix("/fast/2"))
            #expect(connection.isOpen)
        }
    }

    @Test func aLaterAnswerKeepsItsPlaceInTheOrder() throws {
        let promised = EmbeddedEventLoopPromise()
        let connection = try EmbeddedConnection { request, loop in
            request.path == "/later" ? .later(promised.make(on: loop)) : Self.echo(request, loop)
        }
        try connection.send(Wire.get("/later") + Wire.get("/fast/2"))
        #expect(try connection.received() == "")
        promised.succeed(ReadyResponse(status: 200, body: .buffer(ByteBuffer(string: "one"))))
        connection.loop.run()
        let text = try connection.received()
        #expect(Wire.statuses(text) == [200, 200])
        #expect(text.contains("\r\n\r\none"))
        #expect(text.hasSuffix("/fast/2"))
    }

    @Test func aFailedLaterAnswerIsAnInternalError() throws {
        let promised = EmbeddedEventLoopPromise()
        let connection = try EmbeddedConnection { _, loop in .later(promised.make(on: loop)) }
        try connection.send(Wire.get("/later"))
        promised.fail(ChannelError.ioOnClosedChannel)
        connection.loop.run()
        #expect(try connection.statuses() == [500])
    }

    @Test func aLaterAnswerForAClientThatLeftIsDropped() throws {
        let promised = EmbeddedEventLoopPromise()
        let connection = try EmbeddedConnection { _, loop in .later(promised.make(on: loop)) }
        try connection.send(Wire.get("/later"))
        #expect(try connection.channel.finish().isClean)
        promised.succeed(ReadyResponse(status: 200))
        connection.loop.run()
        #expect(try connection.received() == "")
    }

    @Test func nothingMoreIsReadWhileRequestsWait() throws {
        let promised = EmbeddedEventLoopPromise()
        let connection = try EmbeddedConnection { _, loop in .later(promised.make(on: loop)) }
        let reads = ReadCounter()
        try connection.channel.pipeline.syncOperations.addHandler(reads, position: .first)
        try connection.send(Wire.get("/1"))
        connection.channel.read()
        #expect(reads.count == 1)
        try connection.send(Wire.get("/2"))
        connection.channel.read()
        #expect(reads.count == 1)
        promised.succeed(ReadyResponse(status: 200))
        connection.loop.run()
        #expect(reads.count == 2)
    }

    @Test func anAnswerWaitsUntilTheSocketHasTakenTheOneBefore() throws {
        let connection = try EmbeddedConnection(answer: Self.echo)
        connection.channel.isWritable = false
        try connection.send(Wire.get("/fast/1") + Wire.get("/fast/2") + Wire.get("/fast/3"))
        #expect(try connection.statuses() == [200])
        connection.channel.isWritable = true
        connection.channel.pipeline.fireChannelWritabilityChanged()
        #expect(try connection.statuses() == [200, 200])
    }
}

/// A promise made when the responder is asked and kept by the test.
final class EmbeddedEventLoopPromise: Sendable {
    private let promise = Mutex<[EventLoopPromise<ReadyResponse>]>([])

    func make(on loop: any EventLoop) -> EventLoopFuture<ReadyResponse> {
        let made = loop.makePromise(of: ReadyResponse.self)
        self.promise.withLock { $0.append(made) }
        return made.futureResult
    }

    private func oldest() -> EventLoopPromise<ReadyResponse> {
        self.promise.withLock { promises in promises.removeFirst() }
    }

    /// Keeps the oldest promise that is still open.
    func succeed(_ response: ReadyResponse) { self.oldest().succeed(response) }
    func fail(_ error: any Error) { self.oldest().fail(error) }
}

final class FlushCounter: ChannelOutboundHandler {
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData
    private(set) var count = 0

    func flush(context: ChannelHandlerContext) {
        self.count += 1
        context.flush()
    }
}

final class ReadCounter: ChannelOutboundHandler {
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData
    private(set) var count = 0

    func read(context: ChannelHandlerContext) {
        self.count += 1
        context.read()
    }
}
