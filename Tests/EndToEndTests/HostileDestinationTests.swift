import Foundation
import Glibc
import Testing

/// Destinations of every manner at once, and what the others, the viewers and the recording notice of it: nothing.
@Suite struct HostileDestinationTests {
    /// Field notes, rows 1 to 3, 5 and 7.
    @Test func whateverDestinationsDoNobodyElseNoticesAndEachIsToldAsItIs() async throws {
        try await Lab.run { lab in
            let nginx = try await NginxRTMP.start(in: lab)
            let listener = lab.path("listener.mkv")
            let port = try freePort()
            let ffmpeg = try await lab.startCopying(
                "rtmp://127.0.0.1:\(port)/live/key", to: listener, options: ["-listen", "1", "-timeout", "60"])
            let targets = try await (
                unread: RTMPTarget.start("unread", in: lab), refuses: RTMPTarget.start("refuse", in: lab),
                vanishes: RTMPTarget.start("vanish=2", in: lab), closes: RTMPTarget.start("close=2", in: lab), odd: RTMPTarget.start("odd", in: lab),
                hole: RTMPTarget.start("hole", in: lab)
            )
            let expected: [(id: String, url: String, states: Set<String>, error: String?)] = [
                ("nginx", nginx.url("copy"), ["live"], nil), ("ffmpeg", "rtmp://127.0.0.1:\(port)/live/key", ["live"], nil),
                ("odd", targets.odd.url(), ["live"], nil),
                // A look may meet one of them in its next attempt; the error is that of the last.
                ("unread", targets.unread.url(), ["stalled", "retrying", "connecting"], "stalled"),
                ("refuses", targets.refuses.url(), ["retrying", "connecting"], "refusedKey"),
                ("vanishes", targets.vanishes.url(), ["retrying", "connecting", "live"], "connection"),
                ("closes", targets.closes.url(), ["retrying", "connecting", "live"], "connection"),
                ("hole", targets.hole.url(), ["retrying", "connecting"], "timeout"),
                ("dead", "rtmp://127.0.0.1:\(try freePort())/live/key", ["retrying", "connecting"], "connection"),
                ("nowhere", "rtmp://nowhere.invalid/live/key", ["retrying", "connecting"], "nameResolution"),
            ]
            let server = try await MartletProcess.start(in: lab)
            let list = expected.map { #"{"endpointUrl":"\#($0.url)","endpointServiceId":"\#($0.id)"}"# }.joined(separator: ",")
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo","mp4Enabled":1,"endPointList":[\#(list)]}"#)
            // The steps between pictures are looked at below, and where a clip begins again there is another one.
            let publisher = try await server.publish(.long, as: "demo")
            let began = ContinuousClock.now
            let viewer = lab.path("viewer.mkv")
            let player = try await lab.startCopying(server.rtmpURL("demo"), to: viewer)

            var missing = expected
            var slowest = 0.0
            try await eventually("each is told as it is") {
                let answer = try await server.get("/v2/broadcasts/demo")
                slowest = max(slowest, answer.seconds)
                let endpoints = try answer.json()["endPointList"].items
                missing.removeAll { one in
                    guard let now = endpoints.first(where: { $0["endpointServiceId"].text == one.id }) else { return false }
                    let isTold = one.states.contains(now["state"].text ?? "") && now["lastErrorClass"].text == one.error
                    if isTold { print("\(one.id): \(now["state"].text ?? "") after \(ContinuousClock.now - began)") }
                    return isTold
                }
                return missing.isEmpty
            }
            // With six of them hanging or failing, the API has answered all the while. That it waits for none of them is shown without a clock in
            // `anEndpointAddedWhileLiveAttachesAtOnceAndOneRemovedIsClosedWithoutWaiting`; here, that no answer took as long as the shortest of
            // their waits, which is that for a connection (8 s).
            print("slowest answer: \(slowest) s")
            try #require(slowest < 8)

            let page = try await lab.copy(server.playlistURL("demo"), seconds: 4)
            try await DecodedMedia.decode(page.path, in: lab).requireEveryPicture(atLeast: 80)
            try #require(player.exit == nil && publisher.child.exit == nil && ffmpeg.exit == nil)
            player.send(SIGINT)
            try await player.waitForExit()
            try await DecodedMedia.decode(viewer.path, in: lab).requireEveryPicture(atLeast: 150)
            // What a destination that takes nothing does not get is lost to it alone.
            let dropped = try await server.labelled("frames_dropped_total", by: "where")
            try #require(dropped["ingest"] == 0 && dropped["encoding"] == 0, "\(dropped)")

            try await publisher.stop()
            let vod = try #require(try await server.vods(of: "demo", count: 1).first?["filePath"].text)
            try await DecodedMedia.decode(server.url("/live/\(vod)"), in: lab).requireEveryPicture(atLeast: 150)
            // The good ones have had every picture, from a keyframe on.
            let last = try await eventually("the sessions end") { try targets.odd.sessions().first }
            try #require(last.startsAtKeyframe && last.steps == [40] && last.stepsBack == 0 && last.videos > 150, "\(last)")
            try await ffmpeg.waitForExit()
            try await DecodedMedia.decode(listener.path, in: lab).requireEveryPicture(atLeast: 150)
            // One session at a time, each from a keyframe. The newest may have begun as the stream ended, with little in it or nothing.
            for target in [targets.vanishes, targets.closes] {
                let sessions = try target.sessions().filter { $0.videos > 0 || $0.sounds > 0 }
                try #require(sessions.contains { $0.videos > 25 }, "\(sessions)")
                for session in sessions {
                    try #require(session.videos == 0 || session.startsAtKeyframe, "\(session)")
                    let steps = session.videos > 1 ? [40] : []
                    try #require(session.stepsBack == 0 && session.steps == steps, "\(session)")
                }
            }
            print("frames dropped: \(dropped)")
        }
    }

    /// It is tried again when it said it would be, and is live soon after that.
    @Test func aDestinationThatReturnsIsLiveSoonAfterItsNextTry() async throws {
        try await Lab.run { lab in
            let port = try freePort()
            let server = try await MartletProcess.start(in: lab)
            let endpoint = #"{"endpointUrl":"rtmp://127.0.0.1:\#(port)/live/copy"}"#
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo","endPointList":[\#(endpoint)]}"#)
            let publisher = try await server.publish(as: "demo", loops: true)
            try await eventually("it has failed twice") { (try await server.endpoint(of: "demo")["attempts"].number ?? 0) >= 2 }
            let nginx = try await NginxRTMP.start(in: lab, port: port)
            let returned = Double(Date().timeIntervalSince1970) * 1000
            let failed = try #require(try await server.endpoint(of: "demo")["attempts"].number)
            let endpoints = try await eventually("it is live") { () -> (JSON)? in
                let now = try await server.endpoint(of: "demo")
                return now["state"].text == "live" ? now : nil
            }
            let live = try #require(endpoints["connectedTime"].number)
            print("live \((live - returned) / 1000) s after the return")
            try #require(live >= returned - 1_000)
            // The first attempt that began after its return was the good one; one may have been under way.
            try #require(try #require(endpoints["attempts"].number) <= failed + 1, "\(endpoints)")
            try #require(endpoints["status"].text == "broadcasting" && endpoints["nextTryTime"].number == 0)
            try #require(try await lab.codecs(of: nginx.url("copy")) == ["aac 48000", "h264 320x180"])
            // The error is forgotten once the push has stayed up.
            try await eventually("it has stayed up") { try await server.endpoint(of: "demo")["attempts"].number == 0 }
            try #require(publisher.child.exit == nil)
        }
    }

    /// Field notes, row 8: the show goes on in the same session when the source was away for a moment.
    @Test func aPublisherThatComesBackGoesOnInTheSameSession() async throws {
        try await Lab.run { lab in
            let target = try await RTMPTarget.start("take", in: lab)
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_ENDPOINTS_GRACE_WINDOW": "10m"])
            let endpoint = #"{"endpointUrl":"\#(target.url())"}"#
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo","endPointList":[\#(endpoint)]}"#)
            let first = try await server.publish(as: "demo")
            try await eventually("it is live there") { try await server.endpoint(of: "demo")["state"].text == "live" }
            try await first.send(2)
            first.child.send(SIGKILL)
            try await server.waitUntil("demo", is: "finished")
            try await eventually("it is held") {
                let held = try await server.endpoint(of: "demo")
                return held["state"].text == "live" && (held["heldUntilTime"].number ?? 0) > 0
            }
            let before = try #require(try await target.openSessions().first)

            let second = try await server.publish(as: "demo")
            try await second.send(4)
            try await eventually("it is held no more") { try await server.endpoint(of: "demo")["heldUntilTime"].number == 0 }
            let after = try #require(try await target.openSessions().first)
            try #require(after.connection == 1 && after.videos > before.videos + 50)
            try #require(after.startsAtKeyframe && after.stepsBack == 0, "\(after)")
            try #require(try target.publishes() == 1)

            // An end that is asked for is one.
            try await server.call("POST", "/v2/broadcasts/demo/stop")
            try await eventually("the session is over") { try target.sessions().count == 1 }
            try await eventually("it is told") { try await server.endpoint(of: "demo")["state"].text == "idle" }
        }
    }

    @Test func certificatesThatCannotBeReadAreToldAtTheStart() async throws {
        try await Lab.run { lab in
            let refused = try await MartletProcess.spawn(
                in: lab, data: lab.path("data"), settings: ["MARTLET_ENDPOINTS_TRUSTED_CERTIFICATES": "/nowhere/roots.pem"])
            try #require(try await refused.waitForExit() != .code(0))
            let errors = try refused.errors()
            try #require(errors.contains("endpoints.trustedCertificates") && errors.contains("/nowhere/roots.pem"), "\(errors)")
        }
    }

    @Test func rtmpsGoesThroughWithItsNameAsked() async throws {
        try await Lab.run { lab in
            let nginx = try await NginxRTMP.start(in: lab)
            let (certificate, key) = (lab.path("cert.pem").path, lab.path("key.pem").path)
            try await lab.run(
                "openssl",
                [
                    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=test", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate,
                ])
            let terminator = try await PythonPeer.start("tls_terminator.py", [certificate, key, "\(nginx.port)"], in: lab)
            let url = "rtmps://localhost:\(terminator.port)/live/copy"
            // A server that does not know who vouches for the certificate.
            let wary = try await MartletProcess.start(in: lab)
            try await wary.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo","endPointList":[{"endpointUrl":"\#(url)"}]}"#)
            let one = try await wary.publish(as: "demo")
            try await eventually("it is refused") { try await wary.endpoint(of: "demo")["lastErrorClass"].text == "tls" }
            try await one.stop()
            try await wary.stop()

            let server = try await wary.restarted(settings: ["MARTLET_ENDPOINTS_TRUSTED_CERTIFICATES": certificate])
            let publisher = try await server.publish(as: "demo")
            try await eventually("it is live there") { try await server.endpoint(of: "demo")["state"].text == "live" }
            try #require(try await lab.codecs(of: nginx.url("copy")) == ["aac 48000", "h264 320x180"])
            let asked = Set(try terminator.child.output().split(separator: "\n").dropFirst().map { String($0) })
            try #require(asked == ["localhost"])
            try #require(publisher.child.exit == nil)
        }
    }

    @Test func silentSoundGoesWithPicturesThatHaveNone() async throws {
        try await Lab.run { lab in
            let nginx = try await NginxRTMP.start(in: lab)
            let server = try await MartletProcess.start(in: lab)
            let endpoints = ["mute", "filled"].map { #"{"endpointUrl":"\#(nginx.url($0))","silentAudio":\#($0 == "filled")}"# }
            try await server.call(
                "POST", "/v2/broadcasts/create", body: #"{"streamId":"demo","endPointList":[\#(endpoints.joined(separator: ","))]}"#)
            let publisher = try await server.publish(.pictureOnly, as: "demo")
            try await eventually("both are live there") {
                try await server.broadcast("demo")["endPointList"].items.allSatisfy { $0["state"].text == "live" }
            }
            try #require(try await lab.codecs(of: nginx.url("filled")) == ["aac 48000", "h264 320x180"])
            let copy = try await lab.copy(nginx.url("filled"), seconds: 4)
            let media = try await DecodedMedia.decode(copy.path, in: lab)
            try media.requireEveryPicture(atLeast: 60)
            // nginx has no picture for who comes between two keyframes, but sound.
            let extent = "\(media.soundLength) s of sound, \(media.length) s of pictures"
            try #require(media.beeps.isEmpty && media.soundLength > media.length - 0.2 && media.soundLength < media.length + 1.5, "\(extent)")
            try #require(publisher.child.exit == nil)
        }
    }

    @Test func aHundredDestinationsGetEveryPicture() async throws {
        try await Lab.run { lab in
            let target = try await RTMPTarget.start("take", in: lab)
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_ENDPOINTS_GRACE_WINDOW": "0s"])
            let list = (0..<100).map { #"{"endpointUrl":"\#(target.url("key\($0)"))"}"# }.joined(separator: ",")
            try await server.call("POST", "/v2/broadcasts/create", body: #"{"streamId":"demo","endPointList":[\#(list)]}"#)
            let publisher = try await server.publish(.long, as: "demo")
            try await eventually("all are live there") {
                try await server.broadcast("demo")["endPointList"].items.count { $0["state"].text == "live" } == 100
            }
            let answer = try await server.get("/v2/broadcasts/demo")
            print("the broadcast with a hundred of them is told in \(answer.seconds) s")
            try await publisher.send(5)
            try await publisher.stop()
            let sessions = try await eventually("all are over") {
                let sessions = try target.sessions()
                return sessions.count >= 100 ? sessions : nil
            }
            try #require(sessions.count == 100 && Set(sessions.map(\.connection)).count == 100)
            for session in sessions {
                try #require(session.startsAtKeyframe && session.stepsBack == 0 && session.steps == [40] && session.videos > 100, "\(session)")
            }
            try #require(try await server.metric("frames_dropped_total") == 0)
        }
    }
}
