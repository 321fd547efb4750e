import NIOCore
import Synchronization
import Testing

@testable import HTTP

/// Requests that go past the parser, and those that must not.
struct PlainRequestTests {
    private func read(_ text: String, limits: HTTPLimits = .init()) -> PlainRequestHead? {
        Array(text.utf8).withUnsafeBytes { PlainRequestHead.read($0, limits: limits) }
    }

    @Test func aPlayersRequestIsRead() throws {
        let text = "GET /live/streams/a.m3u8?x=1 HTTP/1.1\r\nHost: h:1\r\nUser-Agent:  two words \r\nConnection: Keep-Alive\r\n\r\n"
        let head = try #require(self.read(text + "GET"))
        #expect(head.target == "/live/streams/a.m3u8?x=1" && !head.isHead && head.byteCount == text.utf8.count)
        #expect(head.fields.first("user-agent") == "two words" && head.fields.first("HOST") == "h:1" && head.fields.first("cookie") == nil)
        #expect(try #require(self.read("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n")).isHead)
    }

    @Test func everyPrefixOfARequestIsLeftToTheParser() {
        let text = "GET /live/streams/a.m3u8 HTTP/1.1\r\nHost: h\r\nAccept: */*\r\n\r\n"
        #expect(self.read(text) != nil)
        for count in 0..<text.utf8.count { #expect(self.read(String(decoding: text.utf8.prefix(count), as: UTF8.self)) == nil) }
    }

    @Test(arguments: [
        "Content-Length: 0", "content-length: 5", "Transfer-Encoding: chunked", "Upgrade: websocket", "Expect: 100-continue", "Connection: close",
        "Connection: keep-alive, upgrade", "Keep-Alive: 5", "Proxy-Connection: keep-alive", "HTTP2-Settings: x", "Trailer: x", "Host: twice",
        "Bad Name: x", ": x", "X : y", "X: a\rb", "X: a\nb", "X: \u{0}", "X: \u{7F}", "X: \u{E9}", "X", " folded: x", "X: a\r\n folded",
        "X: a\r\n\tfolded",
        "X:\ta",
    ])
    func whatCouldBeReadInTwoWaysIsLeftToTheParser(_ line: String) {
        #expect(self.read("GET / HTTP/1.1\r\nHost: h\r\n\(line)\r\n\r\n") == nil)
    }

    @Test(arguments: [
        "GET / HTTP/1.0\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\nHost: h\n\n", "GET / HTTP/1.1\r\n\r\n", "POST / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET http://h/ HTTP/1.1\r\nHost: h\r\n\r\n", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /\u{1} HTTP/1.1\r\nHost: h\r\n\r\n", "GET /# HTTP/1.1\r\nHost: h\r\n\r\n", "get / HTTP/1.1\r\nHost: h\r\n\r\n",
        "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\n",
    ])
    func otherShapesAreLeftToTheParser(_ text: String) {
        #expect(self.read(text) == nil)
    }

    @Test func limitsAreKept() {
        var limits = HTTPLimits()
        limits.headBytes = 100
        limits.targetBytes = 20
        limits.headerFields = 3
        #expect(self.read("GET /\(String(repeating: "a", count: 19)) HTTP/1.1\r\nHost: h\r\n\r\n", limits: limits) != nil)
        #expect(self.read("GET /\(String(repeating: "a", count: 20)) HTTP/1.1\r\nHost: h\r\n\r\n", limits: limits) == nil)
        #expect(self.read("GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\n\r\n", limits: limits) != nil)
        #expect(self.read("GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n", limits: limits) == nil)
        #expect(self.read("GET / HTTP/1.1\r\nHost: h\r\nA: \(String(repeating: "a", count: 80))\r\n\r\n", limits: limits) == nil)
    }

    /// Whatever way a request takes, and however its bytes come, the responder sees the same.
    @Test(arguments: [1, 2, 7, 64, 1000]) func anySplitGivesTheSameRequests(piece: Int) throws {
        let connection = try EmbeddedConnection { request, _ in
            request.path == "/router" ? nil : .now(.text(status: 200, "\(request.path) \(request.header("x-n") ?? "-")"))
        }
        let text =
            Wire.get("/one", "X-N: 1\r\n") + Wire.get("/two") + "GET /three HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nX-N: 3\r\n\r\nab"
        var rest = Substring(text)
        while !rest.isEmpty {
            try connection.send(String(rest.prefix(piece)))
            rest = rest.dropFirst(piece)
        }
        let received = try connection.received()
        #expect(Wire.statuses(received) == [200, 200, 200])
        for body in ["/one 1\n", "/two -\n", "/three 3\n"] { #expect(received.contains(body)) }
    }

    @Test func theResponderIsAskedOnceAboutWhatTheRouterAnswers() throws {
        let connection = try EmbeddedConnection { request, _ in request.path == "/router" ? nil : .now(.text(status: 200, "ready")) }
        try connection.send(Wire.get("/router"))
        #expect(connection.responder.seen.withLock { $0.map(\.path) } == ["/router"])
        #expect(connection.router.paths == ["/router"])
        connection.router.respond("routed")
        #expect(try connection.statuses() == [200])
        // The parser has been given a whole request and is empty again.
        try connection.send(Wire.get("/ready"))
        #expect(try connection.received().contains("ready"))
        try connection.send(Wire.get("/router"))
        connection.router.respond("again")
        #expect(try connection.received().contains("again"))
        #expect(connection.responder.seen.withLock { $0.count } == 3)
    }

    @Test func aRequestBehindHalfAnotherIsNotTakenOutOfTurn() throws {
        let connection = try EmbeddedConnection { request, _ in .now(.text(status: 200, request.path)) }
        try connection.send("GET /first HTTP/1.1\r\nHo")
        try connection.send("st: x\r\n\r\n" + Wire.get("/second"))
        let received = try connection.received()
        let first = try #require(received.range(of: "/first"))
        let second = try #require(received.range(of: "/second"))
        #expect(first.lowerBound < second.lowerBound && Wire.statuses(received) == [200, 200])
    }

    @Test func preparedFieldsAreCheckedAndWrittenForBothProtocols() {
        let fields = PreparedFields([("Content-Type", "text/plain"), ("Bad\r\nName", "x"), ("X-Bad", "a\r\nb"), ("Connection", "close")])
        #expect(String(decoding: fields.lines, as: UTF8.self) == "Content-Type: text/plain\r\nConnection: close\r\n")
        var block = fields.block
        #expect(block.withFields { _, count in count } == 1)
        #expect(ReadyResponse(status: 200, common: fields, headers: [("A", "b")]).allHeaders.count == 5)
    }
}

extension String {
    fileprivate func range(of text: String) -> Range<String.Index>? {
        self.indices.first { self[$0...].hasPrefix(text) }.map { $0..<self.index($0, offsetBy: text.count) }
    }
}
