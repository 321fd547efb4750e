import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import HTTP

/// Bodies that are sent while they are being made, over HTTP/1 and HTTP/2.
@Suite struct GrowingBodyTests {
    /// Makes one piece after the other when the test says so.
    private final class Maker: Sendable {
        private struct State {
            var made: [GrowingBody.Step] = []
            var waiting: [(index: Int, promise: EventLoopPromise<GrowingBody.Step>)] = []
            var asked: [Int] = []
        }

        private let state = Mutex(State())

        init(_ pieces: String...) {
            self.state.withLock { $0.made = pieces.map { .piece(ByteBuffer(string: $0)) } }
        }

        var body: GrowingBody { GrowingBody { index, eventLoop in self.step(index, on: eventLoop) } }
        var asked: [Int] { self.state.withLock { $0.asked } }

        private func step(_ index: Int, on eventLoop: any EventLoop) -> GrowingBody.Step {
            self.state.withLock { state in
                state.asked.append(index)
                if index < state.made.count { return state.made[index] }
                let promise = eventLoop.makePromise(of: GrowingBody.Step.self)
                state.waiting.append((index, promise))
                return .later(promise.futureResult)
            }
        }

        func make(_ step: GrowingBody.Step) {
            let waiting = self.state.withLock { state in
                state.made.append(step)
                defer { state.waiting = [] }
                return state.waiting
            }
            for (_, promise) in waiting { promise.succeed(step) }
        }

        func make(_ text: String) { self.make(.piece(ByteBuffer(string: text))) }
    }

    private static func answer(_ maker: Maker) -> ScriptedResponder.Answer {
        { request, _ in
            request.path == "/grow" ? .now(ReadyResponse(status: 200, body: .growing(maker.body))) : .now(.text(status: 200, "next"))
        }
    }

    // MARK: HTTP/1

    @Test func piecesLeaveAsChunksWhenTheyAreMadeAndTheConnectionGoesOn() throws {
        let maker = Maker("one")
        let connection = try EmbeddedConnection(answer: Self.answer(maker))
        try connection.send(Wire.get("/grow"))
        let head = try connection.received()
        #expect(head.contains("\r\nTransfer-Encoding: chunked\r\n") && !head.contains("Content-Length"))
        #expect(head.hasSuffix("\r\n\r\n3\r\none\r\n"))
        maker.make("")
        #expect(try connection.received() == "")
        maker.make("0123456789abcdef")
        #expect(try connection.received() == "10\r\n0123456789abcdef\r\n")
        maker.make(.end)
        #expect(try connection.received() == "0\r\n\r\n")
        try connection.send(Wire.get("/"))
        #expect(try connection.received().hasSuffix("next\n"))
        #expect(connection.isOpen)
    }

    @Test func theHeadLeavesBeforeThereIsAnythingBehindIt() throws {
        let maker = Maker()
        let connection = try EmbeddedConnection(answer: Self.answer(maker))
        try connection.send(Wire.get("/grow") + Wire.get("/"))
        #expect(try connection.received().hasSuffix("\r\n\r\n"))
        maker.make(.end)
        let rest = try connection.received()
        #expect(rest.hasPrefix("0\r\n\r\nHTTP/1.1 200 OK\r\n") && rest.hasSuffix("next\n"))
    }

    @Test func aHeadRequestAsksForNoPiece() throws {
        let maker = Maker("one")
        let connection = try EmbeddedConnection(answer: Self.answer(maker))
        try connection.send("HEAD /grow HTTP/1.1\r\nHost: x\r\n\r\n" + Wire.get("/"))
        let text = try connection.received()
        #expect(Wire.statuses(text) == [200, 200] && !text.contains("one"))
        #expect(maker.asked == [])
    }

    @Test func anOldClientReadsUntilTheConnectionEnds() throws {
        let maker = Maker("one")
        let connection = try EmbeddedConnection(answer: Self.answer(maker))
        try connection.send("GET /grow HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        let text = try connection.received()
        #expect(text.contains("Connection: close\r\n") && !text.contains("chunked") && text.hasSuffix("\r\n\r\none"))
        maker.make(.end)
        connection.loop.advanceTime(by: .seconds(3))
        #expect(!connection.isOpen)
    }

    @Test func aBodyThatDoesNotComeToItsEndBreaksTheConnection() throws {
        let maker = Maker("one")
        let connection = try EmbeddedConnection(answer: Self.answer(maker))
        try connection.send(Wire.get("/grow"))
        maker.make(.broken)
        #expect(!(try connection.received()).contains("0\r\n\r\n"))
        #expect(!connection.isOpen)
    }

    @Test func whoReadsNothingHoldsOnePieceAndIsClosed() throws {
        let maker = Maker("one", "two", "three")
        let connection = try EmbeddedConnection(answer: Self.answer(maker))
        try connection.channel.pipeline.syncOperations.addHandler(Plug(), position: .first)
        try connection.send(Wire.get("/grow"))
        #expect(maker.asked == [0])
        connection.loop.advanceTime(by: .seconds(29))
        #expect(connection.isOpen)
        connection.loop.advanceTime(by: .seconds(2))
        #expect(!connection.isOpen)
        #expect(maker.asked == [0])
    }

    @Test func whoWaitsForAPieceIsNotTakenForStalled() throws {
        let maker = Maker("one")
        let connection = try EmbeddedConnection(answer: Self.answer(maker))
        try connection.send(Wire.get("/grow"))
        connection.loop.advanceTime(by: .seconds(300))
        maker.make("two")
        #expect(try connection.received().hasSuffix("3\r\ntwo\r\n"))
    }

    @Test func aPieceForWhoHasGoneIsDropped() throws {
        let maker = Maker("one")
        let connection = try EmbeddedConnection(answer: Self.answer(maker))
        try connection.send(Wire.get("/grow"))
        connection.channel.close(promise: nil)
        connection.loop.run()
        maker.make("two")
        #expect(maker.asked == [0, 1])
    }

    // MARK: HTTP/2

    @Test func overHTTP2PiecesLeaveAsFramesWhenTheyAreMade() throws {
        let maker = Maker("one")
        let connection = try EmbeddedHTTP2(answer: Self.answer(maker))
        try connection.send(HTTP2Wire.request("/grow", on: 1))
        #expect(connection.answer(1)?.text == "one")
        #expect(connection.answer(1)?.fields["content-length"] == nil)
        maker.make("")
        maker.make("two")
        try connection.advance(.milliseconds(1))
        #expect(connection.answer(1)?.text == "onetwo")
        #expect(connection.answer(1)?.isComplete == false)
        try connection.send(HTTP2Wire.request("/", on: 3))
        #expect(connection.answer(3)?.text == "next\n")
        maker.make(.end)
        try connection.advance(.milliseconds(1))
        #expect(connection.answer(1)?.isComplete == true)
        #expect(connection.isOpen)
    }

    @Test func overHTTP2AHeadRequestAsksForNoPiece() throws {
        let maker = Maker("one")
        let connection = try EmbeddedHTTP2(answer: Self.answer(maker))
        try connection.send(HTTP2Wire.request("/grow", on: 1, method: "HEAD"))
        #expect(connection.answer(1)?.isComplete == true && connection.answer(1)?.text == "")
        #expect(maker.asked == [])
    }

    @Test func overHTTP2ABodyThatDoesNotComeToItsEndResetsItsStreamAlone() throws {
        let maker = Maker("one")
        let connection = try EmbeddedHTTP2(answer: Self.answer(maker))
        try connection.send(HTTP2Wire.request("/grow", on: 1))
        maker.make(.broken)
        try connection.advance(.milliseconds(1))
        #expect(connection.reader.frames(.reset).map(\.stream) == [1])
        #expect(connection.answer(1)?.isComplete == false)
        #expect(connection.isOpen)
    }

    @Test func overHTTP2TheWindowBoundsWhatIsAskedFor() throws {
        let maker = Maker("one", "two", "three")
        let connection = try EmbeddedHTTP2(settings: [(4, 4)], answer: Self.answer(maker))
        try connection.send(HTTP2Wire.request("/grow", on: 1))
        #expect(connection.answer(1)?.text == "onet")
        #expect(maker.asked == [0, 1])
        try connection.send(HTTP2Wire.frame(.windowUpdate, stream: 1, HTTP2Wire.bytes(100)))
        #expect(connection.answer(1)?.text == "onetwothree")
        try connection.advance(.seconds(300))
        maker.make("four")
        try connection.advance(.milliseconds(1))
        #expect(connection.answer(1)?.text == "onetwothreefour")
    }

    @Test func overHTTP2WhoReadsNothingIsReset() throws {
        let maker = Maker("one", "two")
        let connection = try EmbeddedHTTP2(settings: [(4, 0)], answer: Self.answer(maker))
        try connection.send(HTTP2Wire.request("/grow", on: 1))
        try connection.advance(.seconds(29))
        #expect(connection.reader.frames(.reset).isEmpty)
        try connection.advance(.seconds(60))
        #expect(connection.reader.frames(.reset).map(\.stream) == [1])
        #expect(maker.asked.count <= 1)
    }
}
