import NIOCore
import Testing

@testable import RTMP

/// Plays a server to a `ClientSession`, field-notes of push compatibility one by one.
@Suite struct ClientSessionTests {
    private struct Script {
        var session: ClientSession
        private var decoder = ChunkDecoder()
        private var random = SeededRandom(seed: 5)
        var now = NIODeadline.uptimeNanoseconds(1_000_000_000)

        init(_ url: String = "rtmp://h/app/key", configuration: ClientSession.Configuration = .init()) throws {
            self.session = ClientSession(url: try RTMPURL(url), configuration: configuration)
        }

        mutating func orders() -> [ClientOrder] {
            var orders: [ClientOrder] = []
            while let order = self.session.nextOrder() { orders.append(order) }
            return orders
        }

        mutating func server(_ bytes: [UInt8]) -> [ClientOrder] {
            var buffer = ByteBuffer(bytes: bytes)
            self.session.received(&buffer, now: self.now)
            return self.orders()
        }

        mutating func server(_ messages: RTMPMessage...) throws -> [ClientOrder] { self.server(try messages.flatMap { try chunk($0) }) }

        mutating func read(_ orders: [ClientOrder]) throws -> [RTMPMessage] {
            try self.decoder.all(orders.flatMap { order -> [UInt8] in if case .send(let buffer) = order { buffer.bytes } else { [] } })
        }

        mutating func commands(_ orders: [ClientOrder]) throws -> [RTMPCommand] {
            try self.read(orders).filter { $0.type == .commandAMF0 }.map { try RTMPCommand($0) }
        }

        /// The messages behind C2.
        mutating func handshake() throws -> [RTMPMessage] {
            let hello = self.session.start(now: self.now, using: &self.random)
            #expect(hello.readableBytes == 1537)
            var server = ServerHandshake()
            var toServer = hello
            guard case .send(let answer, finished: false) = try server.received(&toServer, using: &self.random) else { return [] }
            var fromClient = self.server(answer.bytes).reduce(into: ByteBuffer()) { all, order in
                if case .send(let buffer) = order { all.writeImmutableBuffer(buffer) }
            }
            guard try server.received(&fromClient, using: &self.random) == .finished else { return [] }
            return try self.decoder.all(fromClient.bytes)
        }

        mutating func connected() throws -> [RTMPCommand] {
            _ = try self.handshake()
            return try self.commands(try self.server(result(1)))
        }

        mutating func published() throws {
            _ = try self.connected()
            _ = try self.commands(try self.server(command("_result", 4, [.null, 1])))
            #expect(try self.server(status("NetStream.Publish.Start")) == [.publishing])
        }
    }

    private static func result(_ transaction: Double, code: String = "NetConnection.Connect.Success") -> RTMPMessage {
        command("_result", transaction, [.object(["fmsVer": "x"]), .object(["level": "status", "code": .string(code), "description": "d"])])
    }

    private static func status(_ code: String, level: String = "status") -> RTMPMessage {
        command("onStatus", 0, [.null, .object(["level": .string(level), "code": .string(code), "description": "d"])], on: 1)
    }

    // MARK: The dialogue

    @Test func theDialogueIsThatOfFFmpegAndOBS() throws {
        var script = try Script("rtmp://h:1936/a/b/key?x=1&y=/z")
        let first = try script.handshake()
        #expect(first.map(\.type) == [.commandAMF0, .setChunkSize])
        let connect = try RTMPCommand(first[0])
        #expect(connect.name == "connect")
        #expect(connect.transaction == 1)
        #expect(
            connect.value(0)?.object == [
                "app": "a/b", "type": "nonprivate", "flashVer": "FMLE/3.0 (compatible; Martlet)", "tcUrl": "rtmp://h:1936/a/b",
            ])
        #expect(first[1].payload.bytes == ByteBuffer(integer: UInt32(60000)).bytes)

        let second = try script.commands(try script.server(Self.result(1)))
        #expect(second.map(\.name) == ["releaseStream", "FCPublish", "createStream"])
        #expect(second.prefix(2).map { $0.value(1)?.string } == ["key?x=1&y=/z", "key?x=1&y=/z"])

        let third = try script.read(try script.server(command("_result", 4, [.null, 7])))
        #expect(third.map(\.messageStreamID) == [7])
        // The literal `live`: YouTube rejects the application's name there.
        #expect(try third.map { try RTMPCommand($0) } == [RTMPCommand("publish", transaction: 5, [.null, "key?x=1&y=/z", "live"])])

        #expect(!script.session.isPublishing)
        #expect(try script.server(Self.status("NetStream.Publish.Start")) == [.publishing])
        #expect(script.session.isPublishing)
        #expect(script.session.deadline == nil)
    }

    @Test func anEmptyApplicationIsSent() throws {
        var script = try Script("rtmps://h/key")
        let connect = try RTMPCommand(try #require(try script.handshake().first))
        #expect(connect.value(0)?.object?["app"]?.string == "")
        #expect(connect.value(0)?.object?["tcUrl"]?.string == "rtmps://h/")
    }

    @Test func enhancedCodecsAreAnnouncedWhenAsked() throws {
        var configuration = ClientSession.Configuration()
        configuration.fourCCs = ["hvc1"]
        var script = try Script(configuration: configuration)
        let connect = try RTMPCommand(try #require(try script.handshake().first))
        #expect(connect.value(0)?.object?["fourCcList"] == .strictArray(["hvc1"]))
    }

    @Test func answersWithTransactionZeroCount() throws {
        var script = try Script()
        _ = try script.handshake()
        #expect(try script.commands(try script.server(Self.result(0))).count == 3)
        // The answers to releaseStream and FCPublish carry no number.
        #expect(try script.server(command("_result", 0, [.null, .undefined]), command("_result", 0, [.null])).isEmpty)
        #expect(try script.commands(try script.server(command("_result", 0, [.null, 1]))).map(\.name) == ["publish"])
    }

    @Test func otherCommandsAreSkippedWhileWaiting() throws {
        var script = try Script()
        _ = try script.handshake()
        let noise = [
            command("onBWDone", 0, [.null]), command("_checkbw", 9, [.null]), command("onFCPublish", 0, [.null]),
            command("makeCoffee", 3, [.null]), message(.dataAMF0, [1, 2]), message(.userControl, hex("0020 00000000")), message(.audio, [1]),
        ]
        for other in noise { #expect(try script.server(other).isEmpty) }
        #expect(try script.commands(try script.server(Self.result(1))).count == 3)
        for other in noise { #expect(try script.server(other).isEmpty) }
        #expect(try script.server(command("_error", 2, [.null]), command("_error", 3, [.null])).isEmpty)
        #expect(try script.commands(try script.server(command("_result", 4, [.null, 1]))).map(\.name) == ["publish"])
        for other in noise { #expect(try script.server(other).isEmpty) }
        #expect(try script.server(Self.status("NetStream.Publish.Start")) == [.publishing])
    }

    @Test(arguments: AnySplit.sizes) func anySplitGivesTheSameDialogue(size: Int) throws {
        var script = try Script()
        _ = try script.handshake()
        let bytes = try [Self.result(1), command("_result", 4, [.null, 1]), Self.status("NetStream.Publish.Start")].flatMap { try chunk($0) }
        var orders: [ClientOrder] = []
        for piece in AnySplit.pieces(bytes, of: size) { orders += script.server(piece.bytes) }
        #expect(try script.commands(orders).map(\.name) == ["releaseStream", "FCPublish", "createStream", "publish"])
        #expect(orders.last == .publishing)
    }

    // MARK: Refusals

    @Test func aRefusedConnectIsNamed() throws {
        let refusals = [
            command("_error", 1, [.null, .object(["level": "error", "code": "NetConnection.Connect.Rejected", "description": "d"])]),
            command("_error", 0, [.null, .object(["code": "NetConnection.Connect.Rejected", "description": "d"])]),
            Self.result(1, code: "NetConnection.Connect.Rejected"), Self.status("NetConnection.Connect.Rejected", level: "error"),
        ]
        for refusal in refusals {
            var script = try Script()
            _ = try script.handshake()
            #expect(
                try script.server(refusal) == [.failed(.refusedConnect(code: "NetConnection.Connect.Rejected", description: "d"))])
        }
    }

    @Test func aRefusedKeyIsNamed() throws {
        for refusal in [Self.status("NetStream.Publish.BadName", level: "error"), Self.status("NetStream.Publish.BadName")] {
            var script = try Script()
            _ = try script.connected()
            _ = try script.server(command("_result", 4, [.null, 1]))
            #expect(try script.server(refusal) == [.failed(.refusedKey(code: "NetStream.Publish.BadName", description: "d"))])
        }
        var script = try Script()
        _ = try script.connected()
        #expect(try script.server(command("_error", 4, [.null])) == [.failed(.refusedKey(code: "", description: ""))])
    }

    @Test func aPushThatTheServerEndsIsNamed() throws {
        var script = try Script()
        try script.published()
        #expect(try script.server(Self.status("NetStream.Publish.Start")).isEmpty)
        #expect(
            try script.server(Self.status("NetStream.Unpublish.Success"))
                == [.failed(.ended(code: "NetStream.Unpublish.Success", description: "d"))])
        #expect(try script.server(Self.status("NetStream.Failed", level: "error")).isEmpty)
    }

    @Test func bytesThatAreNoRTMPAreNamed() throws {
        var script = try Script()
        var random = SeededRandom(seed: 6)
        _ = script.session.start(now: script.now, using: &random)
        #expect(script.server(Array("HTTP/1.1 400".utf8)) == [.failed(.protocolError(.unsupportedVersion(UInt8(ascii: "H"))))])
        #expect(script.server([3]).isEmpty)
    }

    @Test func aClosedConnectionIsNamedOnce() throws {
        var script = try Script()
        _ = try script.connected()
        script.session.closed()
        script.session.closed()
        #expect(script.orders() == [.failed(.closedByPeer)])
    }

    @Test func everyStepHasItsTimeLimit() throws {
        var script = try Script()
        var random = SeededRandom(seed: 6)
        _ = script.session.start(now: script.now, using: &random)
        script.session.timedOut(now: script.now + .seconds(9))
        #expect(script.orders().isEmpty)
        script.session.timedOut(now: script.now + .seconds(10))
        #expect(script.orders() == [.failed(.timedOut(.handshake))])

        var waiting = try Script()
        _ = try waiting.handshake()
        waiting.now = waiting.now + .seconds(9)
        _ = try waiting.server(Self.result(1))
        waiting.session.timedOut(now: waiting.now + .seconds(9))
        #expect(waiting.orders().isEmpty)
        waiting.session.timedOut(now: waiting.now + .seconds(10))
        #expect(waiting.orders() == [.failed(.timedOut(.createStream))])

        var running = try Script()
        try running.published()
        running.session.timedOut(now: running.now + .hours(1))
        #expect(running.orders().isEmpty)
    }

    // MARK: While publishing

    @Test func pingsAndBandwidthsAreAnswered() throws {
        var script = try Script()
        try script.published()
        let orders = try script.server(message(.userControl, hex("0006 00000009")), message(.setPeerBandwidth, hex("00001000 02")))
        let read = try script.read(orders)
        #expect(read.map(\.type) == [.userControl, .windowAcknowledgementSize])
        #expect(read.map(\.payload.bytes) == [hex("0007 00000009"), hex("00001000")])
    }

    @Test func whatTheServerSendsIsAcknowledged() throws {
        var script = try Script()
        try script.published()
        let orders = try script.server(message(.windowAcknowledgementSize, hex("00000100")))
        #expect(try script.read(orders).map(\.type) == [.acknowledgement])
        #expect(try script.server(message(.dataAMF0, [UInt8](repeating: 0, count: 100))).isEmpty)
        let later = try script.server(message(.dataAMF0, [UInt8](repeating: 0, count: 150)))
        #expect(try script.read(later).map(\.type) == [.acknowledgement])
    }

    @Test func acknowledgedBytesAreCountedAcrossTheWrap() throws {
        var script = try Script()
        try script.published()
        #expect(script.session.acknowledged == nil)
        for (wire, total) in [(UInt32(0xFFFF_0000), UInt64(0xFFFF_0000)), (0x1_0000, 0x1_0001_0000), (0x2_0000, 0x1_0002_0000)] {
            script.now = script.now + .seconds(1)
            #expect(try script.server(message(.acknowledgement, ByteBuffer(integer: wire).bytes)).isEmpty)
            #expect(script.session.acknowledged?.byteCount == total)
            #expect(script.session.acknowledged?.at == script.now)
        }
    }

    @Test func framesGoOutOnTheServersMessageStream() throws {
        var script = try Script()
        try script.published()
        var out = ByteBuffer()
        try script.session.append(StreamMetadata([], encoder: "Martlet"), timestamp: 0, into: &out)
        try script.session.append(
            FLVHeader(0x17, 1, 0, 0, 0), payload: ByteBuffer(repeating: 1, count: 70_000), timestamp: 40, type: .video, into: &out)
        try script.session.append(FLVHeader(0xAF, 1), payload: ByteBuffer(bytes: [2]), timestamp: 41, type: .audio, into: &out)
        let read = try script.read([.send(out)])
        #expect(read.map(\.type) == [.dataAMF0, .video, .audio])
        #expect(read.map(\.timestamp) == [0, 40, 41])
        #expect(read.map(\.messageStreamID) == [1, 1, 1])
        #expect(read[1].payload.readableBytes == 70_005)
    }

    @Test func stoppingSaysGoodbye() throws {
        var script = try Script()
        try script.published()
        let goodbye = try script.commands([.send(script.session.stop())])
        #expect(goodbye.map(\.name) == ["FCUnpublish", "deleteStream"])
        #expect(goodbye[1].value(1)?.number == 1)
        script.session.closed()
        #expect(script.orders().isEmpty)
        #expect(script.session.stop().readableBytes == 0)
    }

    @Test func ourServerTakesOurClient() throws {
        var client = try Script("rtmp://h/live/demo?x=1")
        var server = ServerScript()
        var random = SeededRandom(seed: 8)
        var handshake = ServerHandshake()
        var decoder = ChunkDecoder()
        var handshaken = false
        var toServer = client.session.start(now: client.now, using: &random).bytes
        var isPublishing = false
        for _ in 0..<10 where !isPublishing {
            var toClient: [UInt8] = []
            var buffer = ByteBuffer(bytes: toServer)
            toServer = []
            if !handshaken {
                switch try handshake.received(&buffer, using: &random) {
                case .needsMore: break
                case .send(let answer, let finished):
                    toClient += answer.bytes
                    handshaken = finished
                case .finished: handshaken = true
                }
            }
            while handshaken, let message = try decoder.next(from: &buffer) {
                for order in try server.client(message) {
                    if case .authorizePublish(let publish) = order {
                        #expect(publish.path == StreamPath(app: "live", id: "demo"))
                        #expect(server.session.publishAccepted(publish.request) == true)
                        for case .send(let bytes) in server.orders() { toClient += bytes.bytes }
                    }
                    if case .send(let bytes) = order { toClient += bytes.bytes }
                }
            }
            for order in client.server(toClient) {
                switch order {
                case .send(let bytes): toServer += bytes.bytes
                case .publishing: isPublishing = true
                case .failed(let failure): Issue.record("failed: \(failure)")
                }
            }
        }
        #expect(isPublishing)
        #expect(server.session.isPublishing)
    }
}
