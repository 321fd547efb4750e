import NIOCore
import Testing

@testable import RTMP

@Suite struct ServerPlayTests {
    @Test(arguments: ["rtmpdump-play.bin", "ffmpeg-play.bin"]) func realPlayersGetAsFarAsPlaying(name: String) throws {
        var decoder = ChunkDecoder()
        var script = ServerScript()
        var codes: [String] = []
        for message in try decoder.all(try Vectors.bytes(name)) {
            for order in try script.client(message) {
                if case .authorizePlay(let play) = order {
                    #expect(play.path == StreamPath(app: "live", id: "demo"))
                    #expect(script.session.playAccepted(play.request) == true)
                    codes += try script.commands(script.orders()).compactMap(\.code)
                } else {
                    _ = try script.read([order])
                }
            }
        }
        #expect(codes.last == "NetStream.Play.Start")
        #expect(script.session.isPlaying)
    }

    @Test func playingStartsInOneWrite() throws {
        var script = ServerScript()
        let play = try script.askToPlay("demo?token=x")
        #expect(play.path.id == "demo")
        #expect(play[parameter: "token"] == "x")
        #expect(script.session.playAccepted(play.request) == true)
        let orders = script.orders()
        #expect(orders.count == 1)
        let read = try script.read(orders)
        #expect(read.map(\.type) == [.userControl, .commandAMF0, .commandAMF0, .dataAMF0])
        #expect(read[0].payload.bytes == hex("0000 00000001"))
        #expect(try read[1...2].map { try RTMPCommand($0).code } == ["NetStream.Play.Reset", "NetStream.Play.Start"])
    }

    @Test(arguments: [(AMF0Value.boolean(false), false), (.boolean(true), true), (0, false), (1, true), (2, false), (3, true), (.null, true)])
    func theResetFlagHasTwoForms(flag: AMF0Value, resets: Bool) throws {
        var script = ServerScript()
        try script.connect()
        let orders = try script.client(command("play", 0, [.null, "demo", -2, -1, flag], on: 1))
        guard case .authorizePlay(let play)? = orders.first else { throw ServerScript.Unexpected(orders: orders) }
        #expect(script.session.playAccepted(play.request) == true)
        #expect(try script.commands(script.orders()).contains { $0.code == "NetStream.Play.Reset" } == resets)
    }

    @Test func play2IsUnderstood() throws {
        var script = ServerScript()
        try script.connect()
        let orders = try script.client(command("play2", 0, [.null, .object(["streamName": "demo"])], on: 1))
        guard case .authorizePlay(let play)? = orders.first else { throw ServerScript.Unexpected(orders: orders) }
        #expect(play.path.id == "demo")
    }

    @Test func onlyTheFirstMessageStreamPlays() throws {
        var script = ServerScript()
        try script.connect()
        let orders = try script.client(command("play", 0, [.null, "demo"], on: 2))
        #expect(try script.commands(orders).map(\.code) == ["NetStream.Play.Failed"])
        #expect(orders.count == 1)
    }

    @Test func aRefusedViewerIsToldWhyAndClosed() throws {
        var script = ServerScript()
        let play = try script.askToPlay()
        #expect(script.session.playRefused(play.request, .streamNotFound("demo")) == true)
        let orders = script.orders()
        #expect(orders.last == .close(.playRefused(code: "NetStream.Play.StreamNotFound")))
        #expect(try script.commands(orders).map(\.code) == ["NetStream.Play.StreamNotFound"])
    }

    @Test func pauseAndSwitchesAreOrders() throws {
        var script = ServerScript()
        try script.play()
        let pause = try script.client(command("pause", 0, [.null, true, 500], on: 1))
        #expect(pause.last == .pause(true))
        #expect(try script.commands(pause).map(\.code) == ["NetStream.Pause.Notify"])
        let unpause = try script.client(command("pauseRaw", 0, [.null, false, 500], on: 1))
        #expect(unpause.last == .pause(false))
        #expect(try script.commands(unpause).map(\.code) == ["NetStream.Unpause.Notify"])
        #expect(try script.client(command("receiveAudio", 0, [.null, false], on: 1)) == [.receiveAudio(false)])
        #expect(try script.client(command("receiveVideo", 0, [.null, true], on: 1)) == [.receiveVideo(true)])
        #expect(try script.commands(try script.client(command("seek", 0, [.null, 9], on: 1))).map(\.code) == ["NetStream.Seek.Failed"])
    }

    @Test func pauseWithoutAPlayIsIgnored() throws {
        var script = ServerScript()
        try script.connect()
        #expect(try script.client(command("pause", 0, [.null, true], on: 1)).isEmpty)
        #expect(try script.client(command("receiveAudio", 0, [.null, true], on: 1)).isEmpty)
    }

    @Test func leavingEndsThePlay() throws {
        var script = ServerScript()
        try script.play()
        let orders = try script.client(command("closeStream", 0, [.null], on: 1))
        #expect(orders.last == .endPlay)
        #expect(try script.commands(orders).map(\.code) == ["NetStream.Play.Stop"])
        var waiting = ServerScript()
        let play = try waiting.askToPlay()
        #expect(try waiting.client(command("deleteStream", 0, [.null, 1])) == [.endPlay])
        #expect(waiting.session.playAccepted(play.request) == false)
        #expect(waiting.session.playRefused(play.request, .playFailed("")) == false)
    }

    @Test func aPlayerCanPlayAgain() throws {
        var script = ServerScript()
        try script.play()
        _ = try script.client(command("deleteStream", 0, [.null, 1]))
        #expect(try script.createStream() == 1)
        let orders = try script.client(command("play", 0, [.null, "other"], on: 1))
        guard case .authorizePlay = orders.first else { throw ServerScript.Unexpected(orders: orders) }
    }

    @Test func mediaFromAViewerIsIgnored() throws {
        var script = ServerScript()
        try script.play()
        #expect(try script.client(message(.video, [1])).isEmpty)
    }

    @Test func sharedStatusBytesAreReadable() throws {
        let buffers = [
            StatusMessage.unpublishNotify("demo").bytes(chunkSize: 128), StatusMessage.publishNotify("demo").bytes(chunkSize: 128),
            StatusMessage.playStop("demo").bytes(chunkSize: 128), ControlMessage.streamBegin(1).bytes(chunkSize: 128),
            ControlMessage.streamEnd(1).bytes(chunkSize: 128), ControlMessage.pingRequest(7).bytes(chunkSize: 128),
        ]
        let read = try messages(buffers)
        #expect(
            try read.prefix(3).map { try RTMPCommand($0).code } == [
                "NetStream.Play.UnpublishNotify", "NetStream.Play.PublishNotify", "NetStream.Play.Stop",
            ])
        #expect(read.suffix(3).map(\.payload.bytes) == [hex("0000 00000001"), hex("0001 00000001"), hex("0006 00000007")])
        #expect(read.prefix(3).allSatisfy { $0.messageStreamID == 1 })
    }
}
