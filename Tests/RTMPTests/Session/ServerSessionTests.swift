import NIOCore
import Testing

@testable import RTMP

@Suite struct ServerSessionTests {
    @Test func connectIsAnsweredInOneWrite() throws {
        var script = ServerScript()
        let orders = try script.client(command("connect", 1, [.object(["app": "live", "tcUrl": "rtmp://h/live"])]))
        #expect(orders.count == 1)
        let read = try script.read(orders)
        #expect(read.map(\.type) == [.windowAcknowledgementSize, .setPeerBandwidth, .setChunkSize, .commandAMF0])
        #expect(read[0].payload.bytes == ByteBuffer(integer: UInt32(2_500_000)).bytes)
        #expect(read[2].payload.bytes == ByteBuffer(integer: UInt32(60000)).bytes)
        let result = try RTMPCommand(read[3])
        #expect(result.name == "_result")
        #expect(result.transaction == 1)
        #expect(result.code == "NetConnection.Connect.Success")
        #expect(result.value(1)?.object?["fourCcList"] == nil)
        #expect(script.session.sendChunkSize == 60000)
    }

    @Test func enhancedClientsAreToldWhatPassesThrough() throws {
        var script = ServerScript()
        let result = try script.connect([
            "app": "live", "fourCcList": .strictArray(["hvc1", "vvc1", "Opus"]), "capsEx": 15, "objectEncoding": 3,
            "videoFourCcInfoMap": .object(["av01": 7]),
        ])
        let information = try #require(result.first?.value(1)?.object)
        #expect(information["fourCcList"]?.array?.compactMap(\.string) == ["av01", "hvc1", "Opus"])
        #expect(information["capsEx"]?.number == 14)
        #expect(information["objectEncoding"]?.number == 3)
        #expect(information["videoFourCcInfoMap"]?.object?["av01"]?.number == 4)
        var all = ServerScript()
        let everything = try all.connect(["app": "live", "fourCcList": .strictArray(["*"])])
        #expect(everything.first?.value(1)?.object?["fourCcList"]?.array?.count == 8)
    }

    @Test func messageStreamsAreNumberedFromOneAndNumbersComeBack() throws {
        var script = ServerScript()
        try script.connect()
        #expect(try script.createStream() == 1)
        #expect(try script.createStream() == 2)
        #expect(try script.client(command("deleteStream", 0, [.null, 1])).isEmpty)
        #expect(try script.createStream() == 1)
        for expected in 3...16 { #expect(try script.createStream() == Double(expected)) }
        #expect(try script.createStream() == nil)
    }

    @Test(arguments: [Double.nan, .infinity, -1, 0, 1e300, 17, 0.5]) func anyNumberCanBeDeleted(number: Double) throws {
        var script = ServerScript()
        try script.publish()
        #expect(try script.client(command("deleteStream", 0, [.null, .number(number)])).isEmpty)
        #expect(script.session.isPublishing)
    }

    @Test func unknownCommandsAreAnsweredWhenTheyAskForIt() throws {
        var script = ServerScript()
        try script.connect()
        let answer = try script.commands(try script.client(command("makeCoffee", 9, [.null])))
        #expect(answer.first?.name == "_error")
        #expect(answer.first?.transaction == 9)
        #expect(try script.client(command("makeCoffee", 0, [.null])).isEmpty)
        #expect(try script.client(command("_result", 4, [.null])).isEmpty)
    }

    @Test func commandsBeforeConnectAreErrorsNotFaults() throws {
        var script = ServerScript()
        #expect(try script.commands(try script.client(command("createStream", 2, [.null]))).first?.name == "_error")
        #expect(try script.client(command("publish", 0, [.null, "x"], on: 1)).isEmpty)
        #expect(try script.connect().first?.code == "NetConnection.Connect.Success")
    }

    @Test func aSecondConnectIsAnError() throws {
        var script = ServerScript()
        try script.connect()
        #expect(try script.connect().first?.name == "_error")
    }

    @Test(arguments: ["releaseStream", "_checkbw", "FCSubscribe", "getStreamLength", "FCPublish"])
    func smallCommandsHaveResults(name: String) throws {
        var script = ServerScript()
        try script.connect()
        let answer = try script.commands(try script.client(command(name, 4, [.null, "demo"])))
        #expect(answer.map(\.name) == ["_result"])
        #expect(answer.first?.transaction == 4)
    }

    @Test func anEndlessAddressIsRejectedAndClosed() throws {
        var script = ServerScript()
        let app = String(repeating: "a", count: 65535)
        let orders = try script.client(command("connect", 1, [.object(["app": .string(app)])]))
        #expect(orders.last == .close(.connectRejected))
        #expect(try script.commands(orders).first?.code == "NetConnection.Connect.Rejected")
        #expect(try script.client(command("createStream", 2, [.null])).isEmpty)
    }

    // MARK: Control messages

    @Test func pingsAreAnsweredAndOtherEventsIgnored() throws {
        var script = ServerScript()
        let pong = try script.read(try script.client(message(.userControl, hex("0006 01020304"))))
        #expect(pong.map(\.payload.bytes) == [hex("0007 01020304")])
        for event in ["", "00", "0006", "0006 01", "0003 00000001 00000bb8", "0007 00000000", "001f 00000000", "ffff"] {
            #expect(try script.client(message(.userControl, hex(event))).isEmpty)
        }
    }

    @Test func bytesAreAcknowledgedByTheClientsWindow() throws {
        var script = ServerScript()
        script.session.receivedBytes(count: 5000)
        #expect(script.orders().isEmpty)
        #expect(try script.client(message(.windowAcknowledgementSize, ByteBuffer(integer: UInt32(10_000)).bytes)).isEmpty)
        script.session.receivedBytes(count: 100)
        #expect(try script.read(script.orders()).map(\.payload.bytes) == [ByteBuffer(integer: UInt32(5100)).bytes])
        script.session.receivedBytes(count: 4999)
        #expect(script.orders().isEmpty)
        script.session.receivedBytes(count: 1)
        #expect(try script.read(script.orders()).map(\.type) == [.acknowledgement])
    }

    @Test func aWindowOfZeroAsksForNothing() throws {
        var script = ServerScript()
        _ = try script.client(message(.windowAcknowledgementSize, [0, 0, 0, 0]))
        script.session.receivedBytes(count: .max)
        #expect(script.orders().isEmpty)
        #expect(throws: RTMPError.truncatedControl(.windowAcknowledgementSize)) {
            try script.session.received(message(.windowAcknowledgementSize, [0, 0, 0]))
        }
    }

    @Test(arguments: [0, 23, 100, 255] as [UInt8]) func messageTypesNobodyDefinedEndTheConnection(type: UInt8) throws {
        var script = ServerScript()
        #expect(throws: RTMPError.unknownMessageType(type)) { try script.session.received(message(MessageType(rawValue: type), [1])) }
    }

    @Test(arguments: [1, 2, 3, 6, 7, 10, 16, 19, 21] as [UInt8]) func definedMessageTypesOfNoUseAreIgnored(type: UInt8) throws {
        var script = ServerScript()
        #expect(try script.client(message(MessageType(rawValue: type), [0, 0, 1, 0])).isEmpty)
    }

    // MARK: Bad commands

    @Test func everyTruncatedPrefixOfEveryCommandIsSurvived() throws {
        let object: AMF0Object = ["app": "live", "tcUrl": "rtmp://h/live", "fourCcList": .strictArray(["*"]), "objectEncoding": 0]
        let commands: [RTMPMessage] = [
            command("connect", 1, [.object(object)]), command("releaseStream", 2, [.null, "d"]), command("FCPublish", 3, [.null, "d"]),
            command("createStream", 4, [.null]), command("publish", 5, [.null, "d?a=b", "live"], on: 1),
            command("FCUnpublish", 6, [.null, "d"]), command("deleteStream", 7, [.null, 1]), command("closeStream", 0, [.null], on: 1),
            command("play", 8, [.null, "d", -2, -1, true], on: 1), command("play2", 0, [.null, .object(["streamName": "d"])], on: 1),
            command("pause", 0, [.null, true, 100], on: 1), command("seek", 0, [.null, 5], on: 1),
            command("receiveAudio", 0, [.null, false], on: 1), command("receiveVideo", 0, [.null, false], on: 1),
            command("getStreamLength", 9, [.null, "d"]), command("_checkbw", 10, [.null]),
        ]
        for whole in commands {
            for length in 0..<whole.payload.readableBytes {
                for prepared in [false, true] {
                    var script = ServerScript()
                    if prepared { try script.connect() }
                    var cut = whole
                    cut.payload = try #require(whole.payload.getSlice(at: 0, length: length))
                    do throws(RTMPError) {
                        _ = try script.session.received(cut)
                    } catch {
                        #expect(error == .commandWithoutName || error == .malformedCommand(.truncated))
                    }
                }
            }
        }
    }

    @Test(arguments: [AMF0Value.null, .undefined, 5, true, .strictArray([]), .object([:]), .string("")])
    func argumentsOfAnyTypeAreSurvived(value: AMF0Value) throws {
        let names = ["connect", "createStream", "publish", "play", "play2", "deleteStream", "pause", "receiveAudio", "seek", "closeStream"]
        for name in names {
            for count in 0...4 {
                var script = ServerScript()
                try script.connect()
                _ = try script.session.received(command(name, 1, [AMF0Value](repeating: value, count: count), on: 1))
                var fresh = ServerScript()
                _ = try fresh.session.received(command(name, 1, [AMF0Value](repeating: value, count: count), on: 1))
            }
        }
    }
}
