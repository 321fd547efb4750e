import Foundation
import Glibc
import Testing

/// Pushing over SRT to servers of others, of every manner.
@Suite struct SRTRestreamTests {
    private static func list(_ endpoints: [(id: String, url: String)]) -> String {
        endpoints.map { #"{"endpointUrl":"\#($0.url)","endpointServiceId":"\#($0.id)"}"# }.joined(separator: ",")
    }

    @Test func eachServerIsToldAsItIsAndNobodyElseNotices() async throws {
        try await Lab.run { lab in
            let transmit = try await SRTReceiver.start(in: lab, options: "&passphrase=open-sesame-please&pbkeylen=24")
            let listener = lab.path("listener.mkv")
            let port = try freePort()
            let ffmpeg = try await lab.startCopying("srt://127.0.0.1:\(port)?mode=listener", to: listener)
            let locked = try await SRTReceiver.start(in: lab, options: "&passphrase=something-else")
            // Another one of our kind, which knows of some ids only.
            let strict = try await MartletProcess.start(
                in: lab, data: lab.path("strict"), settings: ["MARTLET_PUBLISH_ACCEPT_ONLY_REGISTERED": "true"])
            try await strict.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"copy"}"#)
            let door = "srt://127.0.0.1:\(try #require(strict.srt))"
            let expected: [(id: String, url: String, states: Set<String>, error: String?)] = [
                ("transmit", transmit.url("?passphrase=open-sesame-please&pbkeylen=24&" + SRTReceiver.latency), ["live"], nil),
                ("ffmpeg", "srt://127.0.0.1:\(port)?mode=caller&\(SRTReceiver.latency)", ["live"], nil),
                ("martlet", "\(door)?streamid=#!::r=copy,m=publish", ["live"], nil),
                ("locked", locked.url("?passphrase=a-wrong-guess"), ["retrying", "connecting"], "refusedKey"),
                ("strict", "\(door)?streamid=publish:nobody", ["retrying", "connecting"], "refusedKey"),
                ("hole", "srt://127.0.0.1:\(try freePort())", ["retrying", "connecting"], "timeout"),
                ("nowhere", "srt://nowhere.invalid:4200", ["retrying", "connecting"], "nameResolution"),
            ]
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_ENDPOINTS_GRACE_WINDOW": "0s"])
            let list = Self.list(expected.map { ($0.id, $0.url) })
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo","mp4Enabled":1,"endPointList":[\#(list)]}"#)
            let publisher = try await server.publish(as: "demo", loops: true)
            let began = ContinuousClock.now
            let viewer = lab.path("viewer.mkv")
            let player = try await lab.startCopying(server.rtmpURL("demo"), to: viewer)
            var missing = expected
            try await eventually("each is told as it is") {
                let endpoints = try await server.broadcast("demo")["endPointList"].items
                missing.removeAll { one in
                    guard let now = endpoints.first(where: { $0["endpointServiceId"].text == one.id }) else { return false }
                    let isTold = one.states.contains(now["state"].text ?? "") && now["lastErrorClass"].text == one.error
                    if isTold {
                        print("\(one.id): \(now["state"].text ?? "") after \(ContinuousClock.now - began); \(now["lastError"].text ?? "no error")")
                    }
                    return isTold
                }
                return missing.isEmpty
            }
            try #require(try await lab.codecs(of: strict.rtmpURL("copy")) == ["aac 48000", "h264 320x180"])
            let page = try await lab.copy(server.playlistURL("demo"), seconds: 4)
            try await DecodedMedia.decode(page.path, in: lab).requireEveryPicture(atLeast: 80)
            try await publisher.send(3)
            let live = try #require(try await server.broadcast("demo")["endPointList"].items.first { $0["endpointServiceId"].text == "transmit" })
            try #require((live["bytesSent"].number ?? 0) > 50_000 && (live["bitrate"].number ?? 0) > 0 && live["droppedFrames"].number == 0)
            player.send(SIGINT)
            try await player.waitForExit()
            try await DecodedMedia.decode(viewer.path, in: lab).requireEveryPicture(atLeast: 150)
            try await publisher.stop()

            // The good ones have had every picture, from a keyframe on, and every beep with its flash.
            try await ffmpeg.waitForExit()
            try #require(try await lab.codecs(of: transmit.file) == ["aac 48000", "h264 320x180"])
            for media in try await [transmit.decoded(), DecodedMedia.decode(listener.path, in: lab)] {
                try media.requireEveryPicture(atLeast: 150)
                try media.requireSync(atLeast: 4)
                try #require(abs(media.length - media.soundLength) < 0.5, "\(media.length) s of pictures, \(media.soundLength) s of sound")
            }
            let vod = try #require(try await server.vods(of: "demo", count: 1).first?["filePath"].text)
            try await DecodedMedia.decode(server.url("/live/\(vod)"), in: lab).requireEveryPicture(atLeast: 150)
            let said = try server.child.output() + server.child.errors()
            for secret in ["sesame", "wrong-guess"] { try #require(!said.contains(secret), "a secret is in the log") }
        }
    }

    /// Killed, so that it says nothing: what is sent to it is confirmed by nobody.
    @Test func aServerThatVanishesIsPushedToAgainWhenItIsBack() async throws {
        try await Lab.run { lab in
            let first = try await SRTReceiver.start(in: lab)
            let server = try await MartletProcess.start(in: lab)
            try await server.call(
                "POST", "/v2/broadcasts/create", body: #"{"streamId":"demo","endPointList":[\#(Self.list([("one", first.url())]))]}"#)
            let publisher = try await server.publish(as: "demo", loops: true)
            let viewer = lab.path("viewer.mkv")
            let player = try await lab.startCopying(server.rtmpURL("demo"), to: viewer)
            try await eventually("it is live") { try await server.endpoint(of: "demo")["state"].text == "live" }
            try await publisher.send(2)
            first.child.send(SIGKILL)
            try await first.child.waitForExit()
            let gone = ContinuousClock.now
            let told = try await eventually("it is told") { () -> JSON? in
                let now = try await server.endpoint(of: "demo")
                return now["lastErrorClass"].text == "connection" ? now : nil
            }
            print("\(told["lastError"].text ?? "") after \(ContinuousClock.now - gone)")
            try #require(told["lastError"].text == "the connection broke: nothing was heard of the server for 5 s")

            let second = try await SRTReceiver.start(in: lab, port: first.port)
            let returned = ContinuousClock.now
            try await eventually("it is live again") { try await server.endpoint(of: "demo")["state"].text == "live" }
            print("live \(ContinuousClock.now - returned) after the return")
            try await publisher.send(3)
            try await server.call("DELETE", "/v2/broadcasts/demo/endpoint?endpointServiceId=one")
            let media = try await second.decoded()
            try media.requireEveryPicture(atLeast: 70)
            let (before, after) = (try await first.decodeTimes(), try await second.decodeTimes())
            for (one, next) in zip(after, after.dropFirst()) { try #require(abs(next - one - 0.04) < 0.005, "\(next) after \(one)") }
            try #require(try #require(after.first) > (try #require(before.last)), "times go on and not back")
            try #require(publisher.child.exit == nil && player.exit == nil)
            player.send(SIGINT)
            try await player.waitForExit()
            try await DecodedMedia.decode(viewer.path, in: lab).requireEveryPicture(atLeast: 200)
        }
    }

    /// Field notes, row 8, over SRT.
    @Test func aPublisherThatComesBackGoesOnInTheSameSession() async throws {
        try await Lab.run { lab in
            let receiver = try await SRTReceiver.start(in: lab)
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_ENDPOINTS_GRACE_WINDOW": "10m"])
            try await server.call(
                "POST", "/v2/broadcasts/create", body: #"{"streamId":"demo","endPointList":[\#(Self.list([("one", receiver.url())]))]}"#)
            let first = try await server.publish(as: "demo")
            try await eventually("it is live there") { try await server.endpoint(of: "demo")["state"].text == "live" }
            try await first.send(2)
            first.child.send(SIGKILL)
            try await server.waitUntil("demo", is: "finished")
            try await eventually("it is held") {
                let held = try await server.endpoint(of: "demo")
                return held["state"].text == "live" && (held["heldUntilTime"].number ?? 0) > 0
            }
            let second = try await server.publish(as: "demo")
            try await second.send(4)
            try await eventually("it is held no more") { try await server.endpoint(of: "demo")["heldUntilTime"].number == 0 }
            try #require(receiver.child.exit == nil, "the session is the same")
            // An end that is asked for is one.
            try await server.call("POST", "/v2/broadcasts/demo/stop")
            let media = try await receiver.decoded()
            let steps = zip(media.pictures, media.pictures.dropFirst()).map { $1.time - $0.time }
            try #require(media.pictures.count > 120 && steps.allSatisfy { $0 > 0 && $0 < 1 }, "times go on: \(steps.max() ?? 0)")
            try #require(zip(media.pictures, media.pictures.dropFirst()).count { $1.number < $0.number } == 1, "the clip began again once")
            let times = try await receiver.decodeTimes()
            try #require(zip(times, times.dropFirst()).allSatisfy { $0 < $1 }, "none goes back")
        }
    }

    @Test func aRenditionIsPushedInItsHeight() async throws {
        try await Lab.run { lab in
            let receiver = try await SRTReceiver.start(in: lab)
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_ENDPOINTS_GRACE_WINDOW": "0s"])
            let ladder = #"[{"height":120,"videoBitrate":200000,"audioBitrate":0}]"#
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo","encoderSettingsList":\#(ladder)}"#)
            let added = try await server.call(
                "POST", "/v2/broadcasts/demo/endpoint?resolutionHeight=120", body: #"{"endpointUrl":"\#(receiver.url())"}"#)
            try #require(try added.json()["success"].bool == true)
            let publisher = try await server.publish(as: "demo")
            try await eventually("it is live there") { try await server.endpoint(of: "demo")["state"].text == "live" }
            try await publisher.send(3)
            try await publisher.stop()
            try await receiver.decoded().requireSync(atLeast: 1)
            let codecs = try await lab.codecs(of: receiver.file)
            try #require(codecs.count == 2 && codecs[1].hasPrefix("h264 ") && codecs[1].hasSuffix("x120"), "\(codecs)")
        }
    }

    @Test func aCodecThatATransportStreamCannotCarryIsToldAsAFailure() async throws {
        try await Lab.run { lab in
            let clip = lab.path("clip.mp4")
            var command = ["ffmpeg", "-nostdin", "-v", "error", "-i", try await Clip.light.file().path, "-t", "5", "-fps_mode", "passthrough"]
            command += ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "25", "-b:v", "300k", "-c:a", "libopus", clip.path]
            try await lab.run("encode", command, within: .seconds(180))
            let receiver = try await SRTReceiver.start(in: lab)
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_HLS_MODE": "always"])
            try await server.call(
                "POST", "/v2/broadcasts/create", body: #"{"streamId":"demo","endPointList":[\#(Self.list([("one", receiver.url())]))]}"#)
            var publisher = try await EnhancedPublisher.start(clip, to: server, id: "demo")
            try await eventually("it is told") {
                let now = try await server.endpoint(of: "demo")
                return now["state"].text == "failed" && now["status"].text == "failed" && now["lastErrorClass"].text == "codec"
                    && now["lastError"].text == "a transport stream cannot carry vp9"
            }
            try publisher.sendTheRest()
            try #require(publisher.isConnected && receiver.child.exit == nil && receiver.size == 0)
            try #require(try await lab.codecs(of: server.playlistURL("demo")) == ["opus 48000", "vp9 320x180"])
        }
    }

    @Test func whatCannotBePushedToIsRefusedAndItsPassphraseKept() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo"}"#)
            for url in ["srt://", "srt://host", "srt://host:70000", "srt://host:4200?mode=listener", "srt://host:4200?passphrase=tooshort"] {
                for path in ["endpoint", "rtmp-endpoint"] {
                    let answer = try await server.call("POST", "/v2/broadcasts/demo/\(path)", body: #"{"endpointUrl":"\#(url)"}"#).json()
                    try #require(answer["success"].bool == false && answer["message"].text == "Endpoint is not added to stream: demo", "\(url)")
                }
            }
            try #require(try await server.broadcast("demo")["endPointList"].items.isEmpty)
            try #require(try !(server.child.output() + server.child.errors()).contains("tooshort"))
        }
    }
}
