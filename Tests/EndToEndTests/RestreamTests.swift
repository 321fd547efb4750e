import Foundation
import Glibc
import Testing

/// Pushing to somebody else's server, which comes and goes.
@Suite struct RestreamTests {
    private static func add(_ url: String, to id: String, of server: MartletProcess) async throws -> HTTPAnswer {
        try await server.call("POST", "/v2/broadcasts/\(id)/endpoint", body: #"{"endpointUrl":"\#(url)"}"#)
    }

    /// Field notes, rows 1, 2 and 3.
    @Test func aDestinationGetsEveryFrameAndComesBackAfterARestart() async throws {
        try await Lab.run { lab in
            let nginx = try await NginxRTMP.start(in: lab)
            let server = try await MartletProcess.start(in: lab)
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo"}"#)
            let publisher = try await server.publish(as: "demo", loops: true)
            let viewer = lab.path("viewer.mkv")
            let player = try await lab.startCopying(server.rtmpURL("demo"), to: viewer)

            let added = try await Self.add(nginx.url("copy"), to: "demo", of: server).json()
            let service = try #require(added["dataId"].text)
            try #require(added["success"].bool == true && service.hasPrefix("custom"))
            try await eventually("it is live there") { try await server.endpoint(of: "demo")["status"].text == "broadcasting" }
            try #require(try await lab.codecs(of: nginx.url("copy")) == ["aac 48000", "h264 320x180"])
            // nginx has no picture for who comes between two keyframes, but sound.
            let copy = try await lab.copy(nginx.url("copy"), seconds: 5)
            let media = try await DecodedMedia.decode(copy.path, in: lab)
            try media.requireEveryPicture(atLeast: 80)
            try media.requireSync(atLeast: 2)

            try await nginx.stop()
            let status = try await eventually("its end is told") {
                let status = try await server.endpoint(of: "demo")["status"].text
                return status == "broadcasting" ? nil : status
            }
            try #require(["preparing", "error"].contains(status), "\(status)")
            try #require(try await lab.codecs(of: server.playlistURL("demo")) == ["aac 48000", "h264 320x180"])

            let back = try await NginxRTMP.start(in: lab, port: nginx.port)
            try await eventually("it is live again") { try await server.endpoint(of: "demo")["status"].text == "broadcasting" }
            try #require(try await lab.codecs(of: back.url("copy")) == ["aac 48000", "h264 320x180"])

            // Whoever watched meanwhile has seen nothing of it.
            try #require(player.exit == nil && publisher.child.exit == nil)
            player.send(SIGINT)
            try await player.waitForExit()
            try await DecodedMedia.decode(viewer.path, in: lab).requireEveryPicture(atLeast: 150)

            try await publisher.stop()
            try await eventually("it is told to be finished") { try await server.endpoint(of: "demo")["status"].text == "finished" }
        }
    }

    @Test func aDestinationIsKeptOverARestartAndRemovedWhileItsServerIsDead() async throws {
        try await Lab.run { lab in
            let nginx = try await NginxRTMP.start(in: lab)
            let server = try await MartletProcess.start(in: lab)
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo"}"#)
            let service = try #require(try await Self.add(nginx.url("copy"), to: "demo", of: server).json()["dataId"].text)
            try await server.stop()

            let next = try await server.restarted()
            try #require(try await next.endpoint(of: "demo")["endpointUrl"].text == nginx.url("copy"))
            let publisher = try await next.publish(as: "demo")
            try await eventually("it is live there") { try await next.endpoint(of: "demo")["status"].text == "broadcasting" }
            try #require(try await lab.codecs(of: nginx.url("copy")) == ["aac 48000", "h264 320x180"])

            try await nginx.stop()
            try await eventually("its end is told") { try await next.endpoint(of: "demo")["status"].text != "broadcasting" }
            let removed = try await next.call("DELETE", "/v2/broadcasts/demo/endpoint?endpointServiceId=\(service)")
            try #require(try removed.json()["success"].bool == true)
            try #require(try await next.broadcast("demo")["endPointList"].items.isEmpty)
            try #require(publisher.child.exit == nil)
            try #require(try await next.broadcast("demo")["status"].text == "broadcasting")
        }
    }

    @Test func aRenditionIsPushedInItsHeightAlsoAfterARestart() async throws {
        try await Lab.run { lab in
            let nginx = try await NginxRTMP.start(in: lab)
            let server = try await MartletProcess.start(in: lab)
            let ladder = #"[{"height":120,"videoBitrate":200000,"audioBitrate":0}]"#
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo","encoderSettingsList":\#(ladder)}"#)
            func add(_ key: String, height: Int) async throws -> JSON {
                try await server.call(
                    "POST", "/v2/broadcasts/demo/endpoint?resolutionHeight=\(height)", body: #"{"endpointUrl":"\#(nginx.url(key))"}"#
                ).json()
            }
            func requirePushed(by server: MartletProcess) async throws {
                try await eventually("it is live there") { try await server.endpoint(of: "demo")["state"].text == "live" }
                let codecs = try await lab.codecs(of: nginx.url("small"))
                try #require(codecs.count == 2 && codecs[1].hasPrefix("h264 ") && codecs[1].hasSuffix("x120"), "\(codecs)")
            }
            try #require(try await add("small", height: 120)["success"].bool == true)
            let first = try await server.publish(as: "demo")
            try await requirePushed(by: server)
            try #require(try await add("other", height: 96)["success"].bool == false)
            try await first.stop()
            try await server.stop()

            let next = try await server.restarted()
            try #require(try await next.endpoint(of: "demo")["resolutionHeight"].number == 120)
            let second = try await next.publish(as: "demo")
            try await requirePushed(by: next)
            try #require(second.child.exit == nil)
        }
    }

    /// Field notes, row 2: a server that takes the connection and then says nothing costs nobody anything, the API least of all.
    @Test func aDestinationThatHangsHoldsUpNobody() async throws {
        try await Lab.run { lab in
            let silent = try SilentServer()
            let server = try await MartletProcess.start(in: lab)
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo"}"#)
            let publisher = try await server.publish(as: "demo")
            let added = try await Self.add("rtmp://127.0.0.1:\(silent.port)/live/key", to: "demo", of: server)
            let service = try #require(try added.json()["dataId"].text)
            let copy = try await lab.copy(server.rtmpURL("demo"), seconds: 4)
            try await DecodedMedia.decode(copy.path, in: lab).requireEveryPicture(atLeast: 90)
            try #require(try await server.endpoint(of: "demo")["status"].text != "broadcasting")
            let list = try await server.get("/v2/broadcasts/list/0/50")
            let removed = try await server.call("DELETE", "/v2/broadcasts/demo/endpoint?endpointServiceId=\(service)")
            try #require(try removed.json()["success"].bool == true)
            // A connection is waited for ten seconds; an answer that takes three has waited for something.
            for answer in [added, list, removed] { try #require(answer.seconds < 3, "an answer took \(answer.seconds) s") }
            try #require(publisher.child.exit == nil)
        }
    }
}
