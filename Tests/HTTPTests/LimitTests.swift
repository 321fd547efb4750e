import NIOCore
import NIOEmbedded
import NIOHTTP1
import Synchronization
import Testing

@testable import HTTP

@Suite struct LimitTests {
    private static func fast(_ request: ReadyRequest, _ loop: any EventLoop) -> ReadyAnswer? {
        request.path.hasPrefix("/slow") ? nil : .now(ReadyResponse(status: 200, body: .buffer(ByteBuffer(string: "ok"))))
    }

    static let malformed: [(String, Int)] = [
        ("GARBAGE\r\n\r\n", 400),
        ("GET /\r\n\r\n", 400),
        ("GET / HTTP/9.9\r\nHost: x\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET relative HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET ftp://x/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nBad Name: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: miracles\r\nContent-Length: 1\r\n\r\n", 417),
        ("CONNECT x:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        ("\u{16}\u{03}\u{01}\u{02}\u{00}\u{01}", 400),
    ]

    @Test(arguments: malformed) func aMalformedRequestIsAnsweredAndTheConnectionEnds(bytes: String, status: Int) throws {
        let connection = try EmbeddedConnection(answer: Self.fast)
        try connection.send(bytes)
        let text = try connection.received()
        #expect(Wire.statuses(text) == [status])
        #expect(text.contains("Connection: close\r\n"))
        #expect(connection.counters.rejectedRequests.load(ordering: .relaxed) == 1)
        try connection.send(Wire.get("/next"))
        #expect(try connection.received() == "")
    }

    @Test func anErrorBehindARequestIsAnsweredAfterIt() throws {
        let promised = EmbeddedEventLoopPromise()
        let connection = try EmbeddedConnection { _, loop in .later(promised.make(on: loop)) }
        try connection.send(Wire.get("/1") + "GARBAGE\r\n\r\n")
        #expect(try connection.received() == "")
        promised.succeed(ReadyResponse(status: 200))
        connection.loop.run()
        #expect(try connection.statuses() == [200, 400])
    }

    @Test(arguments: [(8 * 1024, 200), (8 * 1024 + 1, 414), (20_000, 414), (200_000, 414)])
    func aTargetLongerThanTheLimitIsAnsweredWith414(length: Int, status: Int) throws {
        let connection = try EmbeddedConnection(answer: Self.fast)
        try connection.send(Wire.get("/" + String(repeating: "a", count: length - 1)))
        #expect(try connection.statuses() == [status])
    }

    @Test func aTargetThatNeverEndsIsCutOffWithoutKeepingIt() throws {
        let connection = try EmbeddedConnection(answer: Self.fast)
        try connection.send("GET /")
        for _ in 0..<20 where try connection.channel.readOutbound(as: IOData.self) == nil && connection.isOpen {
            try connection.send(String(repeating: "a", count: 1000))
        }
        let answered = connection.counters.rejectedRequests.load(ordering: .relaxed)
        #expect(answered == 1)
    }

    @Test(arguments: [(1, 17_000, 431), (101, 1, 431), (40, 500, 431), (1, 15_000, 200)])
    func aHeadLargerThanTheLimitIsAnsweredWith431(fields: Int, length: Int, status: Int) throws {
        let connection = try EmbeddedConnection(answer: Self.fast)
        let value = String(repeating: "a", count: length)
        try connection.send(Wire.get("/", (0..<fields).map { "X-\($0): \(value)\r\n" }.joined()))
        #expect(try connection.statuses() == [status])
    }

    @Test func aHeadThatComesTooSlowlyIsAnsweredWith408() throws {
        let connection = try EmbeddedConnection(answer: Self.fast)
        try connection.send("GET / HT")
        for _ in 0..<9 {
            connection.loop.advanceTime(by: .seconds(1))
            try connection.send("")
        }
        #expect(try connection.received() == "")
        connection.loop.advanceTime(by: .seconds(1))
        #expect(try connection.statuses() == [408])
    }

    @Test func aHeadThatIsCompleteInTimeIsNotPunishedLater() throws {
        let connection = try EmbeddedConnection(answer: Self.fast)
        try connection.send("GET / HTTP/1.1\r\n")
        connection.loop.advanceTime(by: .seconds(9))
        try connection.send("Host: x\r\n\r\n")
        #expect(try connection.statuses() == [200])
        connection.loop.advanceTime(by: .seconds(20))
        #expect(try connection.received() == "")
        #expect(connection.isOpen)
    }

    @Test func anIdleConnectionIsClosedAfterItsTimeAndAUsedOneIsNot() throws {
        let connection = try EmbeddedConnection(answer: Self.fast)
        connection.loop.advanceTime(by: .seconds(50))
        try connection.send(Wire.get("/"))
        #expect(try connection.statuses() == [200])
        connection.loop.advanceTime(by: .seconds(59))
        #expect(connection.isOpen)
        connection.loop.advanceTime(by: .seconds(1))
        #expect(!connection.isOpen)
    }

    @Test func aSlowRouterIsNotIdle() throws {
        let connection = try EmbeddedConnection()
        try connection.send(Wire.get("/"))
        connection.loop.advanceTime(by: .seconds(500))
        #expect(connection.isOpen)
        connection.router.respond("at last")
        #expect(try connection.statuses() == [200])
        connection.loop.advanceTime(by: .seconds(120))
        #expect(!connection.isOpen)
    }

    @Test func aBodyThatStopsComingEndsTheConnection() throws {
        let connection = try EmbeddedConnection()
        try connection.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf")
        connection.channel.read()
        connection.loop.advanceTime(by: .seconds(61))
        #expect(!connection.isOpen)
    }

    @Test func aClientThatTakesNothingIsClosed() throws {
        let connection = try EmbeddedConnection(answer: Self.fast)
        let plug = Plug()
        try connection.channel.pipeline.syncOperations.addHandler(plug, position: .first)
        try connection.send(Wire.get("/"))
        connection.loop.advanceTime(by: .seconds(29))
        #expect(connection.isOpen)
        connection.loop.advanceTime(by: .seconds(2))
        #expect(!connection.isOpen)
        #expect(connection.counters.stalledConnections.load(ordering: .relaxed) == 1)
    }

    @Test func requestsSentTooFarAheadEndTheConnectionAfterTheLimit() throws {
        var limits = HTTPLimits()
        limits.pipelinedRequests = 3
        let promised = EmbeddedEventLoopPromise()
        let connection = try EmbeddedConnection(limits: limits) { request, loop in
            request.path == "/later" ? .later(promised.make(on: loop)) : Self.fast(request, loop)
        }
        try connection.send(Wire.get("/later") + (0..<10).map { Wire.get("/\($0)") }.joined())
        promised.succeed(ReadyResponse(status: 200))
        connection.loop.run()
        #expect(try connection.statuses() == [200, 200, 200, 200, 400])
    }

    @Test func manyRequestsSentAheadAreAnsweredWithoutDeepRecursion() throws {
        let connection = try EmbeddedConnection(answer: Self.fast)
        try connection.send((0..<5000).map { Wire.get("/\($0)") }.joined())
        #expect(try connection.statuses().count == 5000)
    }

    @Test func aRefusedConnectionIsTold() throws {
        let connection = try EmbeddedConnection(isRefused: true)
        let text = try connection.received()
        #expect(Wire.statuses(text) == [503])
    }

    @Test func aClientThatIsToldGoodbyeButStaysIsClosed() throws {
        let connection = try EmbeddedConnection(answer: Self.fast)
        try connection.send(Wire.get("/", "Connection: close\r\n"))
        connection.loop.advanceTime(by: .seconds(3))
        #expect(!connection.isOpen)
    }

    @Test func datesAreFormattedOnceASecondAndReadBack() {
        let cache = HTTPDateCache()
        #expect(cache.text(at: 784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(cache.text(at: 784_111_778) == "Sun, 06 Nov 1994 08:49:38 GMT")
        #expect(HTTPDate.parse("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777)
        for bad in ["", "yesterday", "Sun, 6x Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Nov 999999999 08:49:37 GMT"] {
            #expect(HTTPDate.parse(bad) == nil)
        }
    }
}

/// Swallows flushes, as a socket whose peer reads nothing does.
final class Plug: ChannelOutboundHandler {
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    func flush(context: ChannelHandlerContext) {}
}
