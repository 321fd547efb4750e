import NIOCore
import Testing

@testable import RTMP

@Suite struct ServerPublishTests {
    @Test func ffmpegsPublishRunsFromConnectToTheEnd() throws {
        var decoder = ChunkDecoder()
        var script = ServerScript()
        var seen: [String] = []
        for message in try decoder.all(try Vectors.bytes("ffmpeg-publish.bin")) {
            for order in try script.client(message) {
                switch order {
                case .send(let buffer):
                    seen += try script.read([.send(buffer)]).filter { $0.type == .commandAMF0 }.map { try RTMPCommand($0).code ?? "_result" }
                case .authorizePublish(let publish):
                    #expect(publish.path == StreamPath(app: "live", id: "demo"))
                    #expect(publish.parameters == [QueryParameter(name: "token", value: "a/b"), QueryParameter(name: "flag", value: "")])
                    #expect(publish[parameter: "token"] == "a/b")
                    #expect(publish.kind == "live")
                    #expect(publish.userAgent == "FMLE/3.0 (compatible; Lavf59.27.100)")
                    #expect(script.session.publishAccepted(publish.request) == true)
                    seen += try script.commands(script.orders()).compactMap(\.code)
                case .metadata(let metadata): seen.append("metadata \(metadata.width ?? 0)")
                case .media(let media):
                    if seen.last != "media" { seen.append("media") }
                    if media.type == .video { _ = try FLVVideo.parse(media.payload) } else { _ = try FLVAudio.parse(media.payload) }
                case .endPublish: seen.append("end")
                default: Issue.record("unexpected \(order)")
                }
            }
        }
        #expect(
            seen == [
                "NetConnection.Connect.Success", "_result", "_result", "_result", "NetStream.Publish.Start", "NetStream.Publish.Start",
                "metadata 64", "media", "_result", "NetStream.Unpublish.Success", "end",
            ])
        #expect(!script.session.isPublishing)
    }

    @Test func aPathOfThreeSegmentsIsWholeAgain() throws {
        var decoder = ChunkDecoder()
        var script = ServerScript()
        var paths: [StreamPath] = []
        for message in try decoder.all(try Vectors.bytes("ffmpeg-three-segments.bin")) {
            for case .authorizePublish(let publish) in try script.client(message) { paths.append(publish.path) }
        }
        #expect(paths == [StreamPath(app: "live/demo", id: "secret")])
        #expect(paths.map { $0.under(["live"]) } == [StreamPath(app: "live", id: "demo", rest: ["secret"])])
    }

    @Test func acceptedPublishersAreToldAndTheirMediaIsHandedOver() throws {
        var script = ServerScript()
        let publish = try script.askToPublish()
        #expect(script.session.publishAccepted(publish.request) == true)
        let read = try script.read(script.orders())
        #expect(read.map(\.type) == [.userControl, .commandAMF0])
        #expect(try RTMPCommand(read[1]).code == "NetStream.Publish.Start")
        #expect(read[1].messageStreamID == 1)
        let media = message(.video, [0x17, 1, 0, 0, 0, 9], timestamp: 40)
        #expect(try script.session.received(media) == .media(media))
    }

    @Test func whatComesBeforeTheAnswerFollowsIt() throws {
        var script = ServerScript()
        let publish = try script.askToPublish()
        let header = message(.video, [0x17, 0, 0, 0, 0, 1])
        #expect(try script.client(header).isEmpty)
        let metadata = AMF0Encoder.encode(["@setDataFrame", "onMetaData", .ecmaArray(["width": 8])]).bytes
        #expect(try script.client(message(.dataAMF0, metadata)).isEmpty)
        #expect(script.session.publishAccepted(publish.request) == true)
        let orders = script.orders()
        #expect(Array(orders.dropFirst()) == [.media(header), .metadata(StreamMetadata(properties: ["width": 8]))])
    }

    @Test func whatComesBeforeTheAnswerIsBounded() throws {
        var script = ServerScript()
        let publish = try script.askToPublish()
        for number in 0..<1000 { _ = try script.client(message(.video, [UInt8](repeating: 1, count: 2000), timestamp: UInt32(number))) }
        #expect(script.session.publishAccepted(publish.request) == true)
        let kept = script.orders().compactMap { if case .media(let media) = $0 { media.timestamp } else { nil } }
        #expect(kept == Array(0..<256))
    }

    @Test func aRefusedPublisherIsToldWhyAndClosed() throws {
        var script = ServerScript()
        let publish = try script.askToPublish()
        #expect(script.session.publishRefused(publish.request, .publishBadName("somebody else is on it")) == true)
        let orders = script.orders()
        #expect(orders.last == .close(.publishRefused(code: "NetStream.Publish.BadName")))
        let status = try #require(try script.commands(orders).first)
        #expect(status.code == "NetStream.Publish.BadName")
        #expect(status.values.last?.object?["level"]?.string == "error")
        #expect(status.values.last?.object?["description"]?.string == "somebody else is on it")
    }

    @Test func aLateAnswerToALeftRequestIsRefused() throws {
        var script = ServerScript()
        let first = try script.askToPublish()
        #expect(try script.client(command("deleteStream", 0, [.null, 1])) == [.endPublish])
        #expect(script.session.publishAccepted(first.request) == false)
        let orders = try script.client(command("publish", 0, [.null, "second", "live"], on: 1))
        guard case .authorizePublish(let second)? = orders.first else { throw ServerScript.Unexpected(orders: orders) }
        #expect(script.session.publishAccepted(first.request) == false)
        #expect(script.session.publishRefused(first.request, .publishDenied("")) == false)
        #expect(script.session.publishAccepted(second.request) == true)
        #expect(script.session.publishAccepted(second.request) == false)
    }

    @Test(arguments: [
        command("FCUnpublish", 6, [.null, "demo"]), command("deleteStream", 7, [.null, 1]), command("closeStream", 0, [.null], on: 1),
        command("closeStream", 0, [.null], on: 0),
    ])
    func eachWayToFinishEndsThePublishOnce(goodbye: RTMPMessage) throws {
        var script = ServerScript()
        try script.publish()
        #expect(try script.client(goodbye).filter { $0 == .endPublish }.count == 1)
        #expect(try script.client(goodbye).filter { $0 == .endPublish }.isEmpty)
        #expect(try script.client(message(.video, [1])).isEmpty)
    }

    @Test func otherMessageStreamsEndNothing() throws {
        var script = ServerScript()
        try script.publish()
        #expect(try script.client(command("deleteStream", 0, [.null, 2])).isEmpty)
        #expect(try script.client(command("closeStream", 0, [.null], on: 2)).isEmpty)
        #expect(script.session.isPublishing)
    }

    @Test func onePublishPerConnection() throws {
        var script = ServerScript()
        try script.publish()
        #expect(try script.commands(try script.client(command("publish", 0, [.null, "two"], on: 2))).first?.code == "NetStream.Publish.BadName")
        #expect(try script.commands(try script.client(command("play", 0, [.null, "two"], on: 1))).first?.code == "NetStream.Play.Failed")
        #expect(script.session.isPublishing)
    }

    @Test func anEndlessNameIsRefusedNotFatal() throws {
        for name in [String(repeating: "n", count: 257), String(repeating: "n/", count: 30_000)] {
            var script = ServerScript()
            try script.connect()
            let orders = try script.client(command("publish", 0, [.null, .string(name), "live"], on: 1))
            #expect(orders.last == .close(.publishRefused(code: "NetStream.Publish.BadName")))
            #expect(try script.commands(orders).first?.code == "NetStream.Publish.BadName")
        }
    }

    @Test func aNameOnlyTheGateCanJudgeIsHandedOver() throws {
        for name in ["", "/", "..", "%00", "a b", "\u{1}"] {
            var script = ServerScript()
            #expect(try script.askToPublish(name).path.app == "live")
        }
    }

    @Test func stoppingTellsThePublisherAndCloses() throws {
        var script = ServerScript()
        try script.publish()
        script.session.stop(.publishBadName("replaced"))
        let orders = script.orders()
        #expect(orders.last == .close(.stopped(code: "NetStream.Publish.BadName")))
        #expect(try script.commands(orders).compactMap(\.code) == ["NetStream.Publish.BadName", "NetConnection.Connect.Closed"])
        script.session.stop(.publishBadName("again"))
        #expect(script.orders().isEmpty)
        #expect(try script.client(message(.video, [1])).isEmpty)
    }

    @Test func mediaAndMetadataBeforePublishAreIgnored() throws {
        var script = ServerScript()
        #expect(try script.client(message(.video, [1])).isEmpty)
        try script.connect()
        #expect(try script.client(message(.audio, [1])).isEmpty)
        #expect(try script.client(message(.dataAMF0, AMF0Encoder.encode(["onMetaData", .object([:])]).bytes)).isEmpty)
        #expect(try script.client(message(.aggregate, [1])).isEmpty)
    }

    // MARK: Data

    @Test func metadataIsReadInItsForms() throws {
        var script = ServerScript()
        try script.publish()
        let object: AMF0Object = ["width": 640]
        let expected = [ServerOrder.metadata(StreamMetadata(properties: object))]
        #expect(try script.client(message(.dataAMF0, AMF0Encoder.encode(["onMetaData", .object(object)]).bytes)) == expected)
        #expect(try script.client(message(.dataAMF3, [0] + AMF0Encoder.encode(["onMetaData", .ecmaArray(object)]).bytes)) == expected)
    }

    @Test func dataNobodyNeedsOrCanReadIsIgnored() throws {
        var script = ServerScript()
        try script.publish()
        for payload in [AMF0Encoder.encode(["onTextData", .object(["text": "hi"])]).bytes, [], [0xFF], hex("02 00ff 61")] {
            #expect(try script.client(message(.dataAMF0, payload)).isEmpty)
        }
    }

    // MARK: Aggregates

    private func tag(_ type: UInt8, _ timestamp: UInt32, _ body: [UInt8]) -> [UInt8] {
        var out = ByteBuffer(bytes: [type, 0, 0, UInt8(body.count)])
        out.writeInteger(timestamp << 8 | timestamp >> 24)
        out.writeBytes([0, 0, 0] + body)
        out.writeInteger(UInt32(11 + body.count))
        return out.bytes
    }

    @Test func aggregatesAreTakenApart() throws {
        var script = ServerScript()
        try script.publish()
        let payload = self.tag(9, 0x0100_0000, [1]) + self.tag(8, 0x0100_0017, [2]) + self.tag(22, 0x0100_0020, [3]) + self.tag(9, 0x0100_0028, [4])
        let orders = try script.client(message(.aggregate, payload, timestamp: 1000))
        let media = orders.compactMap { if case .media(let media) = $0 { media } else { nil } }
        #expect(media.count == orders.count)
        #expect(media.map(\.timestamp) == [1000, 1023, 1040])
        #expect(media.map(\.type) == [.video, .audio, .video])
        #expect(media.map(\.payload.bytes) == [[1], [2], [4]])
    }

    @Test func theLastBackPointerMayBeMissing() throws {
        let parts = try AggregateMessage.split(message(.aggregate, self.tag(9, 0, [1]).dropLast(4)))
        #expect(parts.count == 1)
    }

    @Test func cutAndEndlessAggregatesAreErrors() {
        let whole = self.tag(9, 0, [1, 2, 3])
        for length in 1..<14 {
            #expect(throws: RTMPError.malformedAggregate) { try AggregateMessage.split(message(.aggregate, Array(whole[..<length]))) }
        }
        let many = (0..<5000).flatMap { _ in self.tag(9, 0, []) }
        #expect(throws: RTMPError.malformedAggregate) { try AggregateMessage.split(message(.aggregate, many)) }
    }
}
