import Foundation
import Glibc
import Testing

/// What is left when the server ends, well or badly.
@Suite struct EndingTests {
    /// Field notes, rows 10 and 18.
    @Test func aKilledServerComesBackWithTheRecordingAndWithoutGhosts() async throws {
        try await Lab.run { lab in
            // A publisher is held up for as long as the disk takes.
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_RTMP_IDLE_TIMEOUT": "2m"])
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo","name":"Demo"}"#)
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"idle","name":"Idle"}"#)
            let publisher = try await server.publish(as: "demo")
            _ = try await server.publish(as: "ghost", loops: true)
            let started = try await server.record("demo", true)
            try await publisher.send(5)
            let sent = try await server.standStill(publisher, of: "demo")
            try await server.waitUntilNothingIsWritten()
            try await server.kill()

            let next = try await server.restarted()
            try #require(try await next.broadcast("demo")["status"].text == "finished")
            try #require(try await next.broadcast("idle")["status"].text == "created")
            try #require(try await next.get("/v2/broadcasts/ghost").status == 404)
            try #require(try await next.get("/v2/broadcasts/active-live-stream-count").json()["number"].number == 0)
            let vod = try #require(try await next.vods(of: "demo", count: 1).first)
            try #require(vod["vodId"].text == started["dataId"].text)
            let media = try await DecodedMedia.decode(next.url("/live/streams/demo.mp4"), in: lab)
            try media.requireEveryPicture(atLeast: 75)
            try media.requireSync(atLeast: 2)
            // One second is what may be lost; the rest are the pictures that were ahead of their sound.
            let last = Double(media.pictures[media.pictures.count - 1].number) / 25
            try #require(last > sent - 1.5, "\(sent - last) s are lost")
            try #require(abs(try #require(vod["duration"].number) / 1000 - media.length) < 0.2)
            let left = try FileManager.default.contentsOfDirectory(atPath: next.data.appending(path: "streams").path)
            try #require(left == ["demo.mp4"], "\(left)")

            let again = try await next.publish(as: "demo")
            try #require(again.child.exit == nil, "nothing keeps the id")
        }
    }

    @Test func aServerThatIsToldToStopFinishesEverything() async throws {
        try await Lab.run { lab in
            let nginx = try await NginxRTMP.start(in: lab)
            let server = try await MartletProcess.start(in: lab)
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo"}"#)
            try await server.call("POST", "/v2/broadcasts/demo/endpoint", body: #"{"endpointUrl":"\#(nginx.url("copy"))"}"#)
            let publisher = try await server.publish(as: "demo")
            let player = try await lab.startCopying(server.rtmpURL("demo"), to: lab.path("viewer.mkv"))
            try await server.record("demo", true)
            try await eventually("the destination has it") { try await server.endpoint(of: "demo")["status"].text == "broadcasting" }
            try await publisher.send(4)
            let sent = try await server.standStill(publisher, of: "demo")
            publisher.thaw()
            try await server.stop()
            // Told, not only cut off from.
            try await publisher.child.waitForExit()
            try await player.waitForExit()
            let log = try server.log()
            try #require(log.contains { $0["message"].text == "Martlet has stopped" })
            try #require(!log.contains { ["error", "critical"].contains($0["level"].text) }, "\(log.suffix(20))")

            let next = try await server.restarted()
            try #require(try await next.broadcast("demo")["status"].text == "finished")
            try #require(try await next.vods(of: "demo", count: 1).count == 1)
            let media = try await DecodedMedia.decode(next.url("/live/streams/demo.mp4"), in: lab)
            try media.requireEveryPicture(atLeast: 75)
            try #require(Double(media.pictures[media.pictures.count - 1].number) / 25 > sent - 1)
        }
    }

    /// Connections that never end by themselves do not keep the server from ending.
    @Test func connectionsThatSayNothingDoNotHoldUpTheEnd() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_HLS_MODE": "always"])
            let publisher = try await server.publish(.heavy, as: "demo")
            try await publisher.send(3)
            let request = Array("GET /live/streams/demo.m3u8 HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
            let idle = [
                try HeldConnection(to: server.http), try HeldConnection(to: server.http, saying: request), try HeldConnection(to: server.rtmp),
                try HeldConnection(to: server.http, saying: Array("GET /v2/broadcasts/list/0/10 HTTP/1.1\r\nHost: l".utf8)),
                try HeldConnection(to: server.rtmp, saying: [3] + [UInt8](repeating: 0, count: 1536)),
            ]
            let stalled = try await lab.startCopying(server.rtmpURL("demo"), to: lab.path("stalled.mkv"))
            try await eventually("the viewer watches") { try await server.broadcast("demo")["rtmpViewerCount"].number == 1 }
            stalled.send(SIGSTOP)
            publisher.freeze()
            try await server.stop()
            for connection in idle {
                try await eventually("each connection is closed") { connection.heard() == nil }
            }
        }
    }
}
