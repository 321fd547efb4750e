import Foundation
import Glibc
import Testing

/// Cameras over RTSP: what they send, whom they let in, and how they go and come back.
@Suite struct CameraTests {
    /// HLS carries no G.711, so it becomes AAC.
    @Test(arguments: zip([RTSPCamera.Video.h264, .h264, .hevc], [RTSPCamera.Audio.aac, .pcma, .aac]))
    func aCameraIsWatchedOverHLS(video: RTSPCamera.Video, audio: RTSPCamera.Audio) async throws {
        try await Lab.run { lab in
            let film = try await Clip.plain.file()
            let camera = try await RTSPCamera.start(in: lab, video: video, audio: audio, film: film, options: video == .hevc ? ["--encode"] : [])
            let server = try await MartletProcess.startForPulls(in: lab)
            try await server.create("cam", "ipCamera", ["ipAddr": "127.0.0.1:\(camera.port)", "streamUrl": camera.url])
            try await server.startPull("cam")
            try await server.waitUntilLive("cam")
            let codecs = try await lab.codecs(of: server.playlistURL("cam"))
            try #require(codecs == ["aac 48000", "\(video.rawValue) 320x180"])
            let media = try await DecodedMedia.decode(try await lab.copy(server.playlistURL("cam"), seconds: 7).path, in: lab)
            try media.requireEveryPicture(atLeast: 160)
            try media.requireSync(atLeast: 5)

            // What a busy machine gets late and then at once is faster than in real time for a while.
            let answer = try await eventually("its numbers are told") { () -> JSON? in
                let answer = try await server.broadcast("cam")
                let speed = answer["speed"].number ?? 0
                return answer["bitrate"].number ?? 0 > 0 && speed > 0.8 && speed < 1.3 ? answer : nil
            }
            try #require(answer["status"].text == "broadcasting" && answer["publishType"].text == "Pull" && answer["type"].text == "ipCamera")
            try #require(answer["width"].number == 320 && answer["height"].number == 180, "\(answer)")
            try #require(try await server.get("/v2/broadcasts/cam/ip-camera-error").text == result(true))
            try #require(try await server.get("/v2/broadcasts/active-live-stream-count").json()["number"].number == 1)
            let again = try await server.call("POST", "/v2/broadcasts/cam/start").text
            try #require(again == result(false, "Stream is already active. It's already streaming or trying to connect"))
            try await server.stopPull("cam")
            try await server.waitUntil("cam", is: "finished")
        }
    }

    /// What users type where they should not, in URLs, logs and answers.
    @Test func aCameraIsLoggedInToAndItsPasswordIsToldToNobody() async throws {
        try await Lab.run { lab in
            let (user, right, wrong) = ("ad min", "p@ss/w:o#r?d%25&+", "wr@ng/w:o#r?d%25&+")
            let film = try await Clip.plain.file()
            let camera = try await RTSPCamera.start(in: lab, film: film, login: (user, right))
            let server = try await MartletProcess.startForPulls(in: lab, settings: ["MARTLET_LOG_LEVEL": "debug"])
            try await server.create(
                "cam", "ipCamera", ["ipAddr": "127.0.0.1:\(camera.port)", "streamUrl": camera.url, "username": user, "password": wrong])
            try await server.startPull("cam")
            let error = try await server.pullError("cam")
            try #require(error == "Server returned 401 Unauthorized (authorization failed)")
            try #require(try await server.broadcast("cam")["status"].text != "broadcasting")

            let changed = try await server.call("PUT", "/v2/broadcasts/cam", body: #"{"password":"\#(right)"}"#)
            try #require(changed.text == result(true))
            try await server.waitUntilLive("cam")
            try #require(try await lab.codecs(of: server.playlistURL("cam")) == ["aac 48000", "h264 320x180"])
            let refused = try await server.call("PUT", "/v2/broadcasts/cam", body: #"{"password":"\#(wrong)"}"#)
            try #require(refused.text == result(false, "Could not connect to 127.0.0.1:\(camera.port) result:-2", errorID: -2))
            try #require(try await server.broadcast("cam")["status"].text == "broadcasting")
            try #require(try await server.get("/v2/broadcasts/cam/ip-camera-error").text == result(true))

            // In an address, too.
            let credentials = "ad%20min:p%40ss%2Fw%3Ao%23r%3Fd%2525%26%2B@"
            try await server.pull(camera.url.replacing("rtsp://", with: "rtsp://" + credentials), as: "inline")

            // The longest parts that no encoding changes.
            let log = try server.child.errors()
            try #require(log.contains("pull is live"))
            for secret in ["wr@ng", "wr%40ng", "wr%2540ng", "p@ss", "p%40ss", "p%2540ss", "o#r", "o%23r"] {
                try #require(!log.contains(secret) && !error.contains(secret), "the log has the password")
            }
        }
    }

    /// Field notes, row 13.
    @Test func aCameraThatFreezesComesBack() async throws {
        try await Lab.run { lab in
            let film = try await Clip.plain.file()
            let camera = try await RTSPCamera.start(in: lab, film: film)
            let server = try await MartletProcess.startForPulls(in: lab)
            try await server.pull(camera.url, as: "cam")
            camera.freeze()
            // Nobody waits for what waits for the camera, ten seconds at a time. One answer may be late by itself on a busy machine, but not half.
            var times: [Double] = []
            try await silence(.seconds(20)) {
                let answer = try await server.get("/v2/broadcasts/cam")
                times.append(answer.seconds)
            }
            times.sort()
            try #require(times[times.count / 2] < 2 && times[times.count - 1] < 8, "\(times)")
            try await eventually("its end is told") { ["finished", "preparing"].contains(try await server.broadcast("cam")["status"].text) }
            try #require(try await server.pullError("cam").contains("nothing came in time"))
            camera.thaw()
            try await server.waitUntilLive("cam")
            let copy = try await lab.copy(server.playlistURL("cam"), seconds: 4)
            try await DecodedMedia.decode(copy.path, in: lab).requireEveryPicture(atLeast: 80)
            try #require(try await server.get("/v2/broadcasts/cam/ip-camera-error").text == result(true))
        }
    }

    @Test func aCameraThatVanishesComesBack() async throws {
        try await Lab.run { lab in
            let film = try await Clip.plain.file()
            let camera = try await RTSPCamera.start(in: lab, film: film)
            let server = try await MartletProcess.startForPulls(in: lab)
            try await server.pull(camera.url, as: "cam")
            try await camera.vanish()
            try #require(
                try await eventually("its end is told") {
                    let answer = try await server.get("/v2/broadcasts/cam/ip-camera-error").json()
                    return answer["message"].text == "Connection refused" ? answer["success"].bool : nil
                } == false)
            try #require(try await server.broadcast("cam")["status"].text != "broadcasting")
            try #require(try await server.get("/v2/broadcasts/active-live-stream-count").json()["number"].number == 0)
            // It is still wanted.
            let again = try await server.call("POST", "/v2/broadcasts/cam/start").json()
            try #require(again["success"].bool == false)

            let back = try await RTSPCamera.start(in: lab, film: film, port: camera.port)
            try await server.waitUntilLive("cam")
            let copy = try await lab.copy(server.playlistURL("cam"), seconds: 4)
            try await DecodedMedia.decode(copy.path, in: lab).requireEveryPicture(atLeast: 80)
            try #require(back.child.exit == nil)
        }
    }

    /// Of a camera's two tracks, what its address asks for; and media over UDP.
    @Test func theAddressSaysWhatIsWantedAndHow() async throws {
        try await Lab.run { lab in
            let film = try await Clip.plain.file()
            let camera = try await RTSPCamera.start(in: lab, film: film, transport: .udp)
            let server = try await MartletProcess.startForPulls(in: lab)
            try await server.pull(camera.url + "?allowed_media_types=video&rtsp_transport=udp", as: "silent")
            try #require(try await lab.codecs(of: server.playlistURL("silent")) == ["h264 320x180"])
            try await server.pull(camera.url + "?allowed_media_types=audio", as: "dark")
            try #require(try await lab.codecs(of: server.playlistURL("dark")) == ["aac 48000"])
        }
    }
}
