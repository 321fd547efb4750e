import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import HTTP

/// Clients that mean harm, or have lost their way.
@Suite struct HTTP2HostileTests {
    private static let enhanceYourCalm: UInt32 = 11

    private func limits(_ change: (inout HTTPLimits) -> Void) -> HTTPLimits {
        var limits = HTTPLimits()
        change(&limits)
        return limits
    }

    @Test func whatIsNoHTTP2IsToldSoAndClosed() throws {
        let connection = try EmbeddedHTTP2(greets: false)
        try connection.send(Array("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".utf8))
        #expect(connection.reader.wasToldGoodbye == 1)
        try connection.advance(.seconds(3))
        #expect(!connection.isOpen)
        #expect(connection.counters.http2ProtocolErrors.load(ordering: .relaxed) == 1)
    }

    @Test(arguments: [
        HTTP2Wire.frame(.ping, [UInt8](repeating: 0, count: 8)),
        HTTP2Wire.frame(.settings, [0, 3, 0, 0, 0, 9]),
        HTTP2Wire.frame(.priority, stream: 1, [0, 0, 0, 0, 16]),
    ]) func aFloodOfFramesThatCarryNothingEndsTheConnection(frame: [UInt8]) throws {
        let connection = try EmbeddedHTTP2(
            limits: self.limits {
                $0.controlFrameBurst = 100
                $0.controlFramesPerSecond = 10
            })
        for _ in 0..<12 where connection.isOpen {
            try connection.send([[UInt8]](repeating: frame, count: 10).flatMap { $0 })
        }
        #expect(connection.reader.wasToldGoodbye == Self.enhanceYourCalm)
        try connection.advance(.seconds(3))
        #expect(!connection.isOpen)
        #expect(connection.counters.http2Floods.load(ordering: .relaxed) == 1)
    }

    @Test func pingsNowAndThenAreAnswered() throws {
        let connection = try EmbeddedHTTP2(
            limits: self.limits {
                $0.controlFrameBurst = 10
                $0.controlFramesPerSecond = 10
            })
        for _ in 0..<50 {
            try connection.send(HTTP2Wire.frame(.ping, [UInt8](repeating: 3, count: 8)))
            try connection.advance(.milliseconds(200))
        }
        #expect(connection.reader.frames(.ping).filter { $0.flags == HTTP2Wire.ack }.count == 50)
        #expect(connection.isOpen)
    }

    /// CVE-2023-44487.
    @Test func rapidResetsEndTheConnection() throws {
        let promises = PromiseBox()
        let connection = try EmbeddedHTTP2(
            limits: self.limits {
                $0.controlFrameBurst = 200
                $0.controlFramesPerSecond = 10
            }, answer: { _, loop in .later(promises.make(on: loop)) })
        for number in 0..<300 where connection.reader.wasToldGoodbye == nil {
            let stream = UInt32(number * 2 + 1)
            try connection.send(HTTP2Wire.request("/", on: stream) + HTTP2Wire.frame(.reset, stream: stream, HTTP2Wire.bytes(8)))
        }
        #expect(connection.reader.wasToldGoodbye == Self.enhanceYourCalm)
        #expect(connection.counters.http2Streams.load(ordering: .relaxed) < 210)
        promises.succeed(.text(status: 200, "late"))
    }

    /// CVE-2025-8671: the client makes the server reset.
    @Test func framesThatMakeTheServerResetEndTheConnection() throws {
        let connection = try EmbeddedHTTP2(
            limits: self.limits {
                $0.controlFrameBurst = 200
                $0.controlFramesPerSecond = 10
            }, answer: { _, loop in .later(loop.makePromise(of: ReadyResponse.self).futureResult) })
        for number in 0..<100 where connection.reader.wasToldGoodbye == nil {
            let stream = UInt32(number * 2 + 1)
            try connection.send(HTTP2Wire.request("/", on: stream) + HTTP2Wire.frame(.windowUpdate, stream: stream, HTTP2Wire.bytes(0)))
        }
        #expect(connection.reader.wasToldGoodbye != nil)
        #expect(connection.counters.http2Streams.load(ordering: .relaxed) < 50)
    }

    @Test func streamsOverTheLimitAreRefused() throws {
        let connection = try EmbeddedHTTP2(
            limits: self.limits { $0.streams = 3 }, answer: { _, loop in .later(loop.makePromise(of: ReadyResponse.self).futureResult) })
        for number in 0..<5 { try connection.send(HTTP2Wire.request("/", on: UInt32(number * 2 + 1))) }
        #expect(connection.reader.frames(.reset).map(\.stream) == [7, 9])
        #expect(connection.counters.http2Streams.load(ordering: .relaxed) == 3)
        #expect(connection.isOpen)
    }

    @Test func aClientThatKnowsTheLimitAndExceedsItIsToldGoodbye() throws {
        let connection = try EmbeddedHTTP2(
            limits: self.limits { $0.streams = 3 }, answer: { _, loop in .later(loop.makePromise(of: ReadyResponse.self).futureResult) })
        try connection.send(HTTP2Wire.frame(.settings, flags: HTTP2Wire.ack))
        for number in 0..<4 { try connection.send(HTTP2Wire.request("/", on: UInt32(number * 2 + 1))) }
        #expect(connection.reader.wasToldGoodbye == 1)
        #expect(connection.counters.http2Streams.load(ordering: .relaxed) == 3)
    }

    @Test func aHeadThatIsTooLargeGets431() throws {
        let connection = try EmbeddedHTTP2(limits: self.limits { $0.headBytes = 2000 })
        try connection.send(HTTP2Wire.request("/", on: 1, extra: [("x", String(repeating: "v", count: 3000))]))
        #expect(connection.answer(1)?.status == 431)
        let many = (0..<150).map { ("x\($0)", "v") }
        try connection.send(HTTP2Wire.request("/", on: 3, extra: many))
        #expect(connection.answer(3)?.status == 431)
        #expect(connection.responder.seen.withLock { $0.isEmpty })
        try connection.send(HTTP2Wire.request("/", on: 5))
        #expect(connection.answer(5)?.status == 200)
        #expect(connection.counters.rejectedRequests.load(ordering: .relaxed) == 2)
    }

    /// One field put into the table, then named a byte at a time.
    @Test func aHeadThatIsABombEndsItsStream() throws {
        let connection = try EmbeddedHTTP2(limits: self.limits { $0.headBytes = 2000 })
        let stored = [UInt8(0x40)] + HTTP2Wire.block([("bomb", String(repeating: "b", count: 3500))]).dropFirst()
        let block =
            HTTP2Wire.block([(":method", "GET"), (":scheme", "http"), (":authority", "x"), (":path", "/")]) + stored
            + [UInt8](repeating: 0x80 | 62, count: 4000)
        try connection.send(HTTP2Wire.frame(.headers, flags: HTTP2Wire.endHeaders | HTTP2Wire.endStream, stream: 1, block))
        #expect(connection.reader.frames(.reset).map(\.stream) == [1])
        try connection.send(HTTP2Wire.request("/", on: 3))
        #expect(connection.answer(3)?.status == 200)
    }

    @Test func aHeadWithoutAnEndIsGivenUp() throws {
        let connection = try EmbeddedHTTP2(limits: self.limits { $0.headTimeout = .seconds(5) })
        try connection.send(HTTP2Wire.frame(.headers, stream: 1, HTTP2Wire.block([(":method", "GET")])))
        try connection.advance(.seconds(4))
        #expect(connection.reader.wasToldGoodbye == nil)
        try connection.advance(.seconds(2))
        #expect(connection.reader.wasToldGoodbye == Self.enhanceYourCalm)
        try connection.advance(.seconds(3))
        #expect(!connection.isOpen)
    }

    @Test func endlessContinuationsEndTheConnection() throws {
        let connection = try EmbeddedHTTP2()
        try connection.send(HTTP2Wire.frame(.headers, stream: 1, HTTP2Wire.block([(":method", "GET")])))
        for _ in 0..<20 where connection.reader.wasToldGoodbye == nil {
            try connection.send(HTTP2Wire.frame(.continuation, stream: 1, HTTP2Wire.block([("x", "y")])))
        }
        #expect(connection.reader.wasToldGoodbye != nil)
    }

    @Test func aWindowThatStaysShutEndsItsStream() throws {
        let connection = try EmbeddedHTTP2(limits: self.limits { $0.stallTimeout = .seconds(10) }, settings: [(4, 0)])
        try connection.send(HTTP2Wire.request("/", on: 1))
        #expect(connection.answer(1)?.status == 200)
        #expect(connection.answer(1)?.body.isEmpty == true)
        try connection.advance(.seconds(9))
        #expect(connection.reader.frames(.reset).isEmpty)
        try connection.advance(.seconds(12))
        #expect(connection.reader.frames(.reset).map(\.stream) == [1])
        #expect(connection.counters.http2StalledStreams.load(ordering: .relaxed) == 1)
    }

    @Test func aClientThatTakesALittleIsNotStalled() throws {
        let connection = try EmbeddedHTTP2(limits: self.limits { $0.stallTimeout = .seconds(10) }, settings: [(4, 0)]) { _, _ in
            .now(ReadyResponse(status: 200, body: .buffer(ByteBuffer(repeating: 1, count: 100))))
        }
        try connection.send(HTTP2Wire.request("/", on: 1))
        for _ in 0..<100 {
            try connection.advance(.seconds(5))
            try connection.send(HTTP2Wire.frame(.windowUpdate, stream: 1, HTTP2Wire.bytes(1)))
        }
        #expect(connection.answer(1)?.isComplete == true)
        #expect(connection.reader.frames(.reset).isEmpty)
    }

    @Test func anIdleConnectionIsToldGoodbyeWhateverItPings() throws {
        let connection = try EmbeddedHTTP2(limits: self.limits { $0.idleTimeout = .seconds(20) })
        try connection.send(HTTP2Wire.request("/", on: 1))
        for _ in 0..<5 {
            try connection.advance(.seconds(5))
            if connection.isOpen { try connection.send(HTTP2Wire.frame(.ping, [UInt8](repeating: 0, count: 8))) }
        }
        try connection.advance(.seconds(20))
        #expect(connection.reader.wasToldGoodbye == 0)
        #expect(!connection.isOpen)
    }

    @Test func aBodyThatNobodyReadsMayEndOrIsCutOff() throws {
        let connection = try EmbeddedHTTP2()
        try connection.send(HTTP2Wire.request("/", on: 1, method: "POST", end: false) + HTTP2Wire.request("/", on: 3, method: "POST", end: false))
        #expect(connection.answer(1)?.isComplete == true)
        try connection.send(HTTP2Wire.frame(.data, flags: HTTP2Wire.endStream, stream: 1, [1, 2, 3]))
        try connection.send(HTTP2Wire.frame(.data, stream: 3, [1, 2, 3]))
        #expect(connection.reader.frames(.reset).isEmpty)
        try connection.advance(.seconds(3))
        #expect(connection.reader.frames(.reset).map(\.stream) == [3])
        #expect(connection.reader.frames(.reset).map(\.code) == [0])
    }

    @Test func aRequestThatIsWrongIsAnsweredSo() throws {
        let connection = try EmbeddedHTTP2()
        try connection.send(HTTP2Wire.request("/" + String(repeating: "a", count: 9000), on: 1))
        #expect(connection.answer(1)?.status == 414)
        try connection.send(HTTP2Wire.request("/", on: 3, extra: [("expect", "200-maybe")]))
        #expect(connection.answer(3)?.status == 417)
        let connect = HTTP2Wire.block([(":method", "CONNECT"), (":authority", "x:1")])
        try connection.send(HTTP2Wire.frame(.headers, flags: HTTP2Wire.endHeaders, stream: 5, connect))
        #expect(connection.answer(5)?.status == 501)
        try connection.send(HTTP2Wire.request("no-slash", on: 7))
        #expect(connection.reader.frames(.reset).map(\.stream) == [7])
        #expect(connection.responder.seen.withLock { $0.isEmpty })
    }
}
