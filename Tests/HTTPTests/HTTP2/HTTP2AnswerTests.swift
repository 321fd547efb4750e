import Glibc
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import HTTP

/// What the fast path answers over HTTP/2.
@Suite struct HTTP2AnswerTests {
    @Test func everyRequestOfOneReadIsAnsweredOnItsStream() throws {
        let connection = try EmbeddedHTTP2()
        try connection.send(HTTP2Wire.request("/a?b=c", on: 1) + HTTP2Wire.request("/d", on: 3) + HTTP2Wire.request("/e", on: 5))
        for (stream, path) in [(UInt32(1), "/a"), (3, "/d"), (5, "/e")] {
            let answer = try #require(connection.answer(stream))
            #expect(answer.status == 200)
            #expect(answer.text == path)
            #expect(answer.isComplete)
            #expect(answer.fields["content-length"] == "2")
            #expect(answer.fields["x-path"] == path)
            #expect(answer.fields["server"] == "Martlet")
            #expect(answer.fields["date"]?.hasSuffix("GMT") == true)
        }
        let seen = connection.responder.seen.withLock { $0 }
        #expect(seen.map(\.query) == ["b=c", nil, nil])
        #expect(seen.allSatisfy { $0.header("Host") == "x:80" && $0.remoteAddress == "192.0.2.7" && !$0.isSecure })
        #expect(connection.counters.readyRequests.load(ordering: .relaxed) == 3)
    }

    @Test(arguments: [1, 2, 7, 64]) func anySplitOfTheBytesGivesTheSameAnswer(piece: Int) throws {
        let connection = try EmbeddedHTTP2(greets: false)
        let bytes = HTTP2Wire.hello() + HTTP2Wire.request("/a", on: 1, extra: [("x-long", String(repeating: "v", count: 300))])
        for start in stride(from: 0, to: bytes.count, by: piece) { try connection.send(Array(bytes[start..<min(start + piece, bytes.count)])) }
        #expect(connection.answer(1)?.text == "/a")
        #expect(connection.answer(1)?.isComplete == true)
    }

    @Test func aHeadRequestGetsTheLengthAndNoBody() throws {
        let connection = try EmbeddedHTTP2()
        try connection.send(HTTP2Wire.request("/abc", on: 1, method: "HEAD"))
        let answer = try #require(connection.answer(1))
        #expect(answer.fields["content-length"] == "4")
        #expect(answer.body.isEmpty)
        #expect(answer.isComplete)
    }

    @Test func anAnswerThatComesLaterGoesToItsStreamAlone() throws {
        let promises = PromiseBox()
        let connection = try EmbeddedHTTP2 { request, loop in
            request.path == "/later" ? .later(promises.make(on: loop)) : .now(.text(status: 200, "now"))
        }
        try connection.send(HTTP2Wire.request("/later", on: 1) + HTTP2Wire.request("/now", on: 3))
        #expect(connection.answer(1) == nil)
        #expect(connection.answer(3)?.text == "now\n")
        promises.succeed(.text(status: 200, "late"))
        try connection.read()
        #expect(connection.answer(1)?.text == "late\n")
    }

    @Test func anAnswerToAStreamThatWasGivenUpIsDropped() throws {
        let promises = PromiseBox()
        let connection = try EmbeddedHTTP2 { _, loop in .later(promises.make(on: loop)) }
        try connection.send(HTTP2Wire.request("/", on: 1))
        try connection.send(HTTP2Wire.frame(.reset, stream: 1, HTTP2Wire.bytes(8)))
        promises.succeed(.text(status: 200, "late"))
        try connection.read()
        #expect(connection.answer(1) == nil)
        #expect(connection.isOpen)
    }

    @Test func fieldsOfHTTP1AndThoseThatWouldSplitAreLeftOut() throws {
        let connection = try EmbeddedHTTP2 { _, _ in
            .now(
                ReadyResponse(
                    status: 200,
                    headers: [
                        ("Connection", "close"), ("Transfer-Encoding", "chunked"), ("X-Bad", "a\r\nb: c"), ("Bad Name", "x"), ("Cookie-X", "kept"),
                    ]
                ))
        }
        try connection.send(HTTP2Wire.request("/", on: 1))
        let answer = try #require(connection.answer(1))
        #expect(Set(answer.fields.keys) == [":status", "cookie-x", "content-length", "date", "server"])
    }

    @Test func aLargeBodyWaitsForTheClientsWindow() throws {
        let body = ByteBuffer(repeating: 7, count: 200_000)
        let connection = try EmbeddedHTTP2(settings: [(4, 1000)]) { _, _ in .now(ReadyResponse(status: 200, body: .buffer(body))) }
        try connection.send(HTTP2Wire.request("/", on: 1))
        #expect(connection.answer(1)?.body.count == 1000)
        try connection.send(HTTP2Wire.frame(.windowUpdate, stream: 1, HTTP2Wire.bytes(500_000)))
        // The connection's own window is what holds it now.
        #expect(connection.answer(1)?.body.count == 65_535)
        #expect(connection.answer(1)?.isComplete == false)
        try connection.send(HTTP2Wire.frame(.windowUpdate, stream: 0, HTTP2Wire.bytes(500_000)))
        #expect(connection.answer(1)?.body.count == 200_000)
        #expect(connection.answer(1)?.isComplete == true)
    }

    @Test func aFileIsSentAsTheWindowAllowsAndClosed() throws {
        let path = "/tmp/martlet-http2-\(UInt64.random(in: 0 ... .max)).bin"
        let content = (0..<150_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try writeFile(content, to: path)
        defer { unlink(path) }
        let connection = try EmbeddedHTTP2(settings: [(4, 1_000_000)]) { request, _ in
            request.path == "/gone"
                ? .now(ReadyResponse(status: 200, body: .file(path: path + ".no", offset: 0, length: 1)))
                : .now(ReadyResponse(status: 206, body: .file(path: path, offset: 10, length: 140_000)))
        }
        try connection.send(HTTP2Wire.request("/", on: 1) + HTTP2Wire.request("/gone", on: 3))
        #expect(connection.answer(3)?.status == 404)
        #expect(connection.answer(1)?.isComplete == false)
        try connection.send(HTTP2Wire.frame(.windowUpdate, stream: 0, HTTP2Wire.bytes(500_000)))
        #expect(connection.answer(1)?.status == 206)
        #expect(connection.answer(1)?.body == Array(content[10..<140_010]))
        #expect(connection.answer(1)?.isComplete == true)
    }

    @Test func aFileThatIsCutShortEndsItsStreamAlone() throws {
        let path = "/tmp/martlet-http2-\(UInt64.random(in: 0 ... .max)).bin"
        try writeFile([UInt8](repeating: 1, count: 100_000), to: path)
        defer { unlink(path) }
        let connection = try EmbeddedHTTP2(settings: [(4, 20_000)]) { request, _ in
            request.path == "/ok"
                ? .now(.text(status: 200, "ok")) : .now(ReadyResponse(status: 200, body: .file(path: path, offset: 0, length: 100_000)))
        }
        try connection.send(HTTP2Wire.request("/", on: 1))
        #expect(truncate(path, 30_000) == 0)
        try connection.send(HTTP2Wire.frame(.windowUpdate, stream: 1, HTTP2Wire.bytes(500_000)))
        #expect(connection.reader.frames(.reset).map(\.stream) == [1])
        #expect(connection.answer(1)?.isComplete == false)
        try connection.send(HTTP2Wire.request("/ok", on: 3))
        #expect(connection.answer(3)?.text == "ok\n")
    }

    @Test func goodbyeLetsOpenStreamsEnd() throws {
        let promises = PromiseBox()
        let connection = try EmbeddedHTTP2 { _, loop in .later(promises.make(on: loop)) }
        try connection.send(HTTP2Wire.request("/", on: 1))
        connection.channel.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent())
        try connection.read()
        #expect(connection.reader.wasToldGoodbye == 0)
        #expect(connection.isOpen)
        promises.succeed(.text(status: 200, "last"))
        try connection.read()
        #expect(connection.answer(1)?.text == "last\n")
        try connection.advance(.seconds(3))
        #expect(!connection.isOpen)
    }

    /// Nothing of a request stays: neither its channel nor its share of the window of all requests together.
    @Test func aRoutedRequestThatIsGivenUpLeavesNothingBehind() throws {
        var limits = HTTPLimits()
        limits.routedStreams = 0
        limits.connectionWindow = 200_000
        let connection = try EmbeddedHTTP2(limits: limits, answer: { _, _ in nil })
        let handler = try connection.channel.pipeline.syncOperations.handler(type: HTTP2ConnectionHandler.self)
        for number in 0..<20 {
            let stream = UInt32(number * 2 + 1)
            try connection.send(HTTP2Wire.request("/upload", on: stream, method: "POST", end: false))
            weak let channel = handler.stream(Int32(stream))?.channel
            #expect(channel != nil)
            for _ in 0..<6 { try connection.send(HTTP2Wire.frame(.data, stream: stream, [UInt8](repeating: 7, count: 16_000))) }
            try connection.send(HTTP2Wire.frame(.reset, stream: stream, HTTP2Wire.bytes(8)))
            connection.loop.run()
            #expect(channel == nil)
        }
        #expect(connection.reader.wasToldGoodbye == nil)
        #expect(connection.isOpen)
    }
}

/// The promise of the one answer that is to come later.
final class PromiseBox: Sendable {
    private let promise = Mutex<EventLoopPromise<ReadyResponse>?>(nil)

    func make(on loop: any EventLoop) -> EventLoopFuture<ReadyResponse> {
        let promise = loop.makePromise(of: ReadyResponse.self)
        self.promise.withLock { $0 = promise }
        return promise.futureResult
    }

    func succeed(_ response: ReadyResponse) { self.promise.withLock { $0 }?.succeed(response) }
}
