import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTP1
import NIOHTTPTypes
import Synchronization
import Testing

@testable import HTTP

@Suite struct RoutedTests {
    private static func fast(_ request: ReadyRequest, _ loop: any EventLoop) -> ReadyAnswer? {
        request.path.hasPrefix("/fast") ? .now(ReadyResponse(status: 200, body: .buffer(ByteBuffer(string: request.path)))) : nil
    }

    @Test func bothPathsTakeTurnsOnOneConnectionInOrder() throws {
        let connection = try EmbeddedConnection(answer: Self.fast)
        try connection.send(Wire.get("/slow/1") + Wire.get("/fast/2") + Wire.get("/slow/3") + Wire.get("/fast/4"))
        #expect(connection.router.paths == ["/slow/1"])
        #expect(try connection.received() == "")
        connection.router.respond("one")
        #expect(try connection.received().hasSuffix("/fast/2"))
        #expect(connection.router.paths == ["/slow/1", "/slow/3"])
        connection.router.respond("three")
        let text = try connection.received()
        #expect(text.contains("\r\n\r\nthree"))
        #expect(text.hasSuffix("/fast/4"))
    }

    @Test func aBodyReachesTheRouterWhole() throws {
        let connection = try EmbeddedConnection()
        try connection.send("POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
        try connection.send("4\r\ndefg\r\n0\r\n\r\n")
        #expect(connection.router.body == "abcdefg")
        connection.router.respond("done")
        #expect(try connection.statuses() == [200])
        #expect(connection.isOpen)
    }

    @Test func aResponseWithoutLengthIsChunked() throws {
        let connection = try EmbeddedConnection()
        try connection.send(Wire.get("/"))
        connection.router.write(.head(HTTPResponse(status: .ok)))
        connection.router.write(.body(ByteBuffer(string: "hello world, 18 by")))
        connection.router.write(.end([.init("X-Sum")!: "1"]))
        let text = try connection.received()
        #expect(text.contains("Transfer-Encoding: chunked\r\n"))
        #expect(text.hasSuffix("\r\n\r\n12\r\nhello world, 18 by\r\n0\r\nX-Sum: 1\r\n\r\n"))
        #expect(connection.isOpen)
    }

    @Test func anHTTP10ClientGetsNoChunksAndTheEndOfTheConnection() throws {
        let connection = try EmbeddedConnection()
        try connection.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        connection.router.write(.head(HTTPResponse(status: .ok)))
        connection.router.write(.body(ByteBuffer(string: "hello")))
        connection.router.write(.end(nil))
        let text = try connection.received()
        #expect(text.contains("Connection: close\r\n"))
        #expect(!text.contains("chunked"))
        #expect(text.hasSuffix("\r\n\r\nhello"))
    }

    @Test func anHTTP10ClientMayKeepTheConnectionWhenTheLengthIsKnown() throws {
        let connection = try EmbeddedConnection(answer: Self.fast)
        try connection.send("GET /fast HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(try connection.received().contains("Connection: keep-alive\r\n"))
        try connection.send("GET /fast HTTP/1.0\r\n\r\n")
        #expect(try connection.received().contains("Connection: close\r\n"))
        try connection.send(Wire.get("/fast/never"))
        #expect(try connection.received() == "")
    }

    @Test func aBodyInAnAnswerToHeadIsLeftOut() throws {
        let connection = try EmbeddedConnection(answer: Self.fast)
        try connection.send("HEAD /slow HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.router.respond("secret")
        let text = try connection.received()
        #expect(text.contains("Content-Length: 6\r\n") || text.contains("content-length: 6\r\n"))
        #expect(!text.contains("secret"))
        try connection.send(Wire.get("/fast"))
        #expect(try connection.statuses() == [200])
    }

    @Test func aBodyShorterThanDeclaredEndsTheConnection() throws {
        let connection = try EmbeddedConnection()
        try connection.send(Wire.get("/"))
        connection.router.write(.head(HTTPResponse(status: .ok, headerFields: [.contentLength: "10"])))
        connection.router.write(.body(ByteBuffer(string: "short")))
        connection.router.write(.end(nil))
        #expect(try connection.received().hasSuffix("short"))
        try connection.send(Wire.get("/next"))
        #expect(connection.router.paths == ["/"])
    }

    @Test func aBodyLongerThanDeclaredIsCut() throws {
        let connection = try EmbeddedConnection()
        try connection.send(Wire.get("/"))
        connection.router.write(.head(HTTPResponse(status: .ok, headerFields: [.contentLength: "3"])))
        connection.router.write(.body(ByteBuffer(string: "four")))
        connection.router.write(.end(nil))
        #expect(try connection.received().hasSuffix("\r\n\r\nfou"))
    }

    @Test func continueIsSentBeforeTheBodyIsExpected() throws {
        let connection = try EmbeddedConnection(answer: Self.fast)
        try connection.send("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        #expect(try connection.received() == "HTTP/1.1 100 Continue\r\n\r\n")
        try connection.send("ok")
        connection.router.respond("done")
        #expect(try connection.statuses() == [200])
    }

    @Test func aReadyAnswerToARequestWithABodyEndsTheConnectionAndTheBodyIsNotTakenForARequest() throws {
        let connection = try EmbeddedConnection(answer: Self.fast)
        try connection.send("POST /fast HTTP/1.1\r\nHost: x\r\nContent-Length: 34\r\n\r\n" + Wire.get("/fast/smuggled"))
        let text = try connection.received()
        #expect(Wire.statuses(text) == [200])
        #expect(text.contains("Connection: close\r\n"))
        #expect(connection.responder.seen.withLock { $0.count } == 1)
    }

    @Test func anAnswerBeforeTheBodyCameEndsTheConnection() throws {
        let connection = try EmbeddedConnection(answer: Self.fast)
        try connection.send("POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        connection.router.respond("no", status: .forbidden)
        #expect(try connection.received().contains("Connection: close\r\n"))
        try connection.send(String(repeating: "x", count: 1000) + Wire.get("/fast"))
        #expect(try connection.received() == "")
    }

    @Test func connectionCloseOfEitherSideIsHonoured() throws {
        let byClient = try EmbeddedConnection(answer: Self.fast)
        try byClient.send(Wire.get("/fast", "Connection: Close\r\n") + Wire.get("/fast/never"))
        let text = try byClient.received()
        #expect(Wire.statuses(text) == [200])
        #expect(text.contains("Connection: close\r\n"))
        let byRouter = try EmbeddedConnection(answer: Self.fast)
        try byRouter.send(Wire.get("/slow"))
        byRouter.router.respond("bye", fields: [.connection: "close"])
        #expect(try byRouter.received().contains("Connection: close\r\n"))
        try byRouter.send(Wire.get("/fast"))
        #expect(try byRouter.received() == "")
    }

    @Test func aBrokenBodyIsTheRoutersToAnswer() throws {
        let connection = try EmbeddedConnection()
        try connection.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        #expect(connection.router.errors.count == 1)
        connection.router.respond("", status: .badRequest)
        let text = try connection.received()
        #expect(Wire.statuses(text) == [400])
        #expect(text.contains("Connection: close\r\n"))
    }

    @Test func quiescingWaitsForTheAnswerAndClosesAnIdleConnectionAtOnce() throws {
        let busy = try EmbeddedConnection()
        try busy.send(Wire.get("/slow"))
        busy.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(busy.isOpen)
        busy.router.respond("last")
        #expect(try busy.received().contains("Connection: close\r\n"))
        let idle = try EmbeddedConnection()
        idle.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        #expect(!idle.isOpen)
    }

    @Test func aClientThatHalfClosesStillGetsItsAnswer() throws {
        let promised = EmbeddedEventLoopPromise()
        let connection = try EmbeddedConnection { request, loop in request.path == "/later" ? .later(promised.make(on: loop)) : nil }
        try connection.send(Wire.get("/later"))
        connection.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(!connection.router.sawInputClosed)
        promised.succeed(ReadyResponse(status: 200, body: .buffer(ByteBuffer(string: "still"))))
        connection.loop.run()
        #expect(try connection.received().hasSuffix("still"))
        #expect(!connection.isOpen)
    }
}
