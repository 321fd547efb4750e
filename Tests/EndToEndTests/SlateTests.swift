import Foundation
import Glibc
import Testing

/// A publisher is lost, and its destinations go on being sent something.
@Suite struct SlateTests {
    /// What a busy machine holds a publisher up for must not bring the slate; it comes after four seconds.
    private static func server(in lab: Lab, slate: URL?, grace: String = "8s") async throws -> MartletProcess {
        try await MartletProcess.start(
            in: lab,
            settings: [
                "MARTLET_ENDPOINTS_SLATE": slate?.path ?? "", "MARTLET_ENDPOINTS_SLATE_AFTER": "4s", "MARTLET_ENDPOINTS_GRACE_WINDOW": grace,
            ])
    }

    private func waitUntil(_ id: String, isFed feeding: String, by server: MartletProcess) async throws {
        try await eventually("\(id) is sent: \(feeding)") {
            let endpoints = try await server.broadcast(id)["endPointList"].items
            return !endpoints.isEmpty && endpoints.allSatisfy { $0["feeding"].text == feeding && $0["status"].text == "broadcasting" }
        }
    }

    private func lose(_ publisher: Publisher) async throws {
        publisher.child.send(SIGKILL)
        try await publisher.child.waitForExit()
    }

    @Test func aSlateKeepsTheSessionUntilThePublisherIsBack() async throws {
        try await Lab.run { lab in
            let nginx = try await NginxRTMP.start(in: lab, records: true)
            let listened = lab.path("listened.flv")
            let port = try freePort()
            let listener = try await lab.startCopying("rtmp://127.0.0.1:\(port)/live/key", to: listened, options: ["-listen", "1", "-timeout", "60"])
            let server = try await Self.server(in: lab, slate: try await lab.makeSlate())
            let srt = try await SRTReceiver.start(in: lab)
            let list = [nginx.url("copy"), "rtmp://127.0.0.1:\(port)/live/key", srt.url()].map { #"{"endpointUrl":"\#($0)"}"# }.joined(separator: ",")
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo","endPointList":[\#(list)]}"#)
            let first = try await server.publish(as: "demo")
            try await self.waitUntil("demo", isFed: "source", by: server)
            try await first.send(4)
            try await self.lose(first)

            try await self.waitUntil("demo", isFed: "slate", by: server)
            let lost = try await server.broadcast("demo")
            try #require(lost["status"].text == "finished", "the broadcast is as over as without a slate")
            try #require((lost["endPointList"][0]["heldUntilTime"].number ?? 0) > 0)
            // Who watches there sees it in real time, with sound, also when the grace window is over: it is 4 s longer than the wait for the slate.
            let watched = try await lab.copy(nginx.url("copy"), seconds: 6)
            let probed = try await lab.probe(watched.path)
            try #require(probed["streams"].items.map { $0["codec_name"].text ?? "" }.sorted() == ["aac", "h264"])
            try await self.waitUntil("demo", isFed: "slate", by: server)
            try #require(try await server.metric("slate_encodings_total") == 1, "once for all")

            let second = try await server.publish(as: "demo")
            try await self.waitUntil("demo", isFed: "source", by: server)
            try await second.send(4)
            try await second.stop()
            // A goodbye: it is waited for no longer than without a slate.
            try await eventually("it is finished") {
                try await server.broadcast("demo")["endPointList"].items.allSatisfy { $0["status"].text == "finished" }
            }
            try await listener.waitForExit()
            try await nginx.stop()

            let recorded = try nginx.recorded("copy")
            try #require(recorded.count == 1, "one session throughout: \(recorded)")
            for file in recorded + [listened, URL(fileURLWithPath: srt.file)] {
                let recording = try await PlatformRecording.read(file, in: lab)
                print("\(file.lastPathComponent): \(recording.runs)")
                try #require(recording.runs.map(\.kind).prefix(3) == [.stream, .slate, .stream])
                // After the goodbye it is there once more, until the window is over.
                try #require(recording.runs.map(\.kind).dropFirst(3) == [.slate])
                try #require(recording.runs[0].count > 60 && recording.runs[1].count > 100 && recording.runs[2].count > 60)
                try recording.requireContinuous(pictures: 0.25, sound: 0.25)
            }
        }
    }

    @Test func aBackupStandsInAndTheSlateAfterIt() async throws {
        try await Lab.run { lab in
            let nginx = try await NginxRTMP.start(in: lab, records: true)
            let server = try await Self.server(in: lab, slate: try await lab.makeSlate())
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"spare"}"#)
            try await server.call(
                "POST", "/v2/broadcasts/create",
                body: #"{"streamId":"demo","backupStreamId":"spare","endPointList":[{"endpointUrl":"\#(nginx.url("copy"))"}]}"#)
            let spare = try await server.publish(.heavy, as: "spare", loops: true)
            let first = try await server.publish(as: "demo", loops: true)
            try await self.waitUntil("demo", isFed: "source", by: server)
            try await first.send(3)
            try await self.lose(first)
            try await self.waitUntil("demo", isFed: "backup", by: server)
            try #require(try await lab.codecs(of: nginx.url("copy")) == ["aac 48000", "h264 640x360"])
            try await spare.send(3)
            try #require(try await server.broadcast("spare")["status"].text == "broadcasting")
            try await self.lose(spare)
            try await self.waitUntil("demo", isFed: "slate", by: server)
            let watched = try await lab.copy(nginx.url("copy"), seconds: 3)
            try #require(try await lab.probe(watched.path)["streams"].items.count == 2)

            let second = try await server.publish(as: "demo")
            try await self.waitUntil("demo", isFed: "source", by: server)
            try await second.send(3)
            try #require(try await lab.codecs(of: nginx.url("copy")) == ["aac 48000", "h264 320x180"])
            try await server.call("POST", "/v2/broadcasts/demo/stop")
            try await eventually("it is closed") { try await server.endpoint(of: "demo")["status"].text == "finished" }
            try await nginx.stop()
            let recorded = try nginx.recorded("copy")
            try #require(recorded.count == 1, "one session throughout: \(recorded)")
            let recording = try await PlatformRecording.read(recorded[0], in: lab)
            print(recording.runs)
            try #require(recording.runs.map(\.kind) == [.stream, .slate, .stream])
            try recording.requireContinuous(pictures: 0.25, sound: 0.25)
        }
    }

    @Test func withoutASlateADestinationIsHeldAndThenClosed() async throws {
        try await Lab.run { lab in
            let nginx = try await NginxRTMP.start(in: lab, records: true)
            // Long enough to be seen held, however slowly it is looked at.
            let server = try await Self.server(in: lab, slate: nil, grace: "20s")
            try await server.call(
                "POST", "/v2/broadcasts/create", body: #"{"streamId":"demo","endPointList":[{"endpointUrl":"\#(nginx.url("copy"))"}]}"#)
            let publisher = try await server.publish(as: "demo")
            try await self.waitUntil("demo", isFed: "source", by: server)
            try await publisher.send(3)
            try await self.lose(publisher)
            try await self.waitUntil("demo", isFed: "held", by: server)
            try await eventually("it is closed") { try await server.endpoint(of: "demo")["status"].text == "finished" }
            try await nginx.stop()
            let recording = try await PlatformRecording.read(try #require(try nginx.recorded("copy").first), in: lab)
            try #require(recording.runs.map(\.kind) == [.stream])
            try recording.requireContinuous(pictures: 0.1, sound: 0.1)
        }
    }

    @Test func aSlateThatCannotBeShownStopsTheStart() async throws {
        try await Lab.run { lab in
            let text = lab.path("slate.png")
            try Data("no picture".utf8).write(to: text)
            let child = try await MartletProcess.spawn(in: lab, data: lab.path("data"), settings: ["MARTLET_ENDPOINTS_SLATE": text.path])
            let exit = try await child.waitForExit()
            try #require(exit != .code(0))
            try #require(try child.errors().contains("MARTLET_ENDPOINTS_SLATE: endpoints.slate: \(text.path) cannot be shown"))
        }
    }
}
