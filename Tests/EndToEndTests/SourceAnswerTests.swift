import Foundation
import Testing

/// What the API says about sources, word for word, as the contract has it (1.1, 1.3, 1.8, 1.9, 1.14–1.17).
@Suite struct SourceAnswerTests {
    private static let refused = [
        ("nobody", result(false, "No Stream Exists with id:nobody")),
        ("live", result(false, "Stream url is null and it's not an IP camera to get stream url for id:live")),
        ("novod", result(false, "Stream url is null and it's not an IP camera to get stream url for id:novod")),
        ("odd", result(false, "Broadcast type is not supported. It can be StreamSource, IP Camera, VOD, Playlist")),
        ("onvif", result(false, "Could not connect to 10.0.0.3:8080 result:-1", errorID: -1)),
        ("empty", result(false, "There is no playlist  for stream id:empty")),
    ]

    @Test func startStopNextAndSeekSayWhyNot() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.startForPulls(in: lab, settings: ["MARTLET_SOURCES_MAXIMUM": "1"])
            let hole = try SilentServer()
            let url = "rtsp://127.0.0.1:\(hole.port)/1"
            try await server.create("live", "liveStream")
            try await server.create("odd", "liveStream", ["streamUrl": url])
            try await server.create("novod", "VoD")
            try await server.create("onvif", "ipCamera", ["ipAddr": "10.0.0.3:8080"])
            try await server.create("empty", "playlist")
            try await server.createPlaylist("show", [url, url], loops: true)
            try await server.create("src", "streamSource", ["streamUrl": url])
            try await server.create("more", "streamSource", ["streamUrl": url])
            func post(_ path: String) async throws -> String {
                let answer = try await server.call("POST", "/v2/broadcasts/\(path)")
                try #require(answer.status == 200, "\(path): \(answer.status)")
                return answer.text
            }

            for (id, words) in Self.refused { try #require(try await post("\(id)/start") == words) }
            for id in ["src", "show", "onvif", "novod"] {
                try #require(try await post("\(id)/stop") == result(false, "No matching stream source in this server:\(id)", dataID: id))
            }
            for id in ["nobody", "live"] { try #require(try await post("\(id)/stop") == result(false)) }
            for (path, words) in [
                ("nobody/next", "There is no playlist found. Please check Stream id again"),
                ("src/next", "This broadcast type is not playlist. This method is only available for playlists"),
                ("show/next?index=2", "Index is out of the list. Please specify the correct index"),
                ("show/next", "No active playlist for id:show. Start the playlist first"),
            ] { try #require(try await post("playlists/\(path)") == result(false, words)) }

            try #require(try await post("src/start") == result(true, dataID: "src"))
            try #require(try await post("src/start") == result(false, "Stream is already active. It's already streaming or trying to connect"))
            for id in ["more", "show"] {
                try #require(try await post("\(id)/start") == result(false, "Not enough resource on server to start streaming."))
            }
            try #require(try await post("src/stop") == result(true, "Stream stopped"))
            for id in ["src", "show", "nobody"] {
                let none = "Not active stream source found with this id: \(id) make sure you give the id of a running stream source"
                try #require(try await server.call("PUT", "/v2/broadcasts/\(id)/seek-time/1000").text == result(false, none))
            }
            try #require(try await server.call("PUT", "/v2/broadcasts/%20/seek-time/1").text == result(false, "Id field is blank."))
            try #require(try await server.call("PUT", "/v2/broadcasts/src/seek-time/soon").status == 404)
            for (id, words) in [
                ("src", "Camera is not found with streamId: src"), ("nobody", "Camera is not found with streamId: nobody"),
                ("live", "Camera is not found with streamId: live"),
            ] { try #require(try await server.get("/v2/broadcasts/\(id)/ip-camera-error").text == result(false, words)) }
            let onvif = try await server.get("/v2/broadcasts/onvif/ip-camera-error").text
            try #require(onvif == result(false, "Could not connect to 10.0.0.3:8080 result:-1", errorID: -1))
        }
    }

    @Test func createWithAutoStartStartsOrSaysWhyNot() async throws {
        try await Lab.run { lab in
            let store = try await FilmStore.open(in: lab)
            let film = try await store.add(Film(first: 0, seconds: 5), as: "film.mp4")
            let server = try await MartletProcess.startForPulls(in: lab)
            func create(_ body: String?) async throws -> HTTPAnswer {
                try await server.call("POST", "/v2/broadcasts/create?autoStart=true", body: body)
            }
            for (body, words) in [
                (nil, result(false, "unexpected parameters received")),
                (#"{"type":"playlist"}"#, result(false, "Auto start query needs an IP camera or stream source.")),
                (#"{"type":"VoD","streamUrl":"\#(film)"}"#, result(false, "Auto start query needs an IP camera or stream source.")),
                (#"{"type":"ipCamera","ipAddr":"test"}"#, result(false, "IP camera addr is not valid: test")),
                (#"{"type":"ipCamera","ipAddr":"10.0.0.3:8080"}"#, result(false, "Could not connect to 10.0.0.3:8080 result:-1", errorID: -1)),
                (#"{"type":"streamSource","streamUrl":"file:///etc/passwd"}"#, result(false)),
            ] as [(String?, String)] {
                let answer = try await create(body)
                try #require(answer.status == 200 && answer.text == words, "\(body ?? "")")
            }
            try #require(try await server.get("/v2/broadcasts/count").json()["number"].number == 0)
            for body in [#"{"type":"streamSource","streamUrl":"nonsense"}"#, #"{"type":"ipCamera","ipAddr":"test"}"#] {
                let answer = try await server.call("POST", "/v2/broadcasts/create", body: body)
                try #require(answer.status == 400 && answer.text == result(false, "Stream url is not valid. "))
            }

            let started = try await create(#"{"streamId":"film","type":"streamSource","streamUrl":"\#(film)"}"#)
            try #require(started.text == result(true, dataID: "film"))
            try await server.waitUntilLive("film")
            try #require(try await server.broadcast("film")["type"].text == "VoD")
            let taken = try await create(#"{"streamId":"film","type":"streamSource","streamUrl":"\#(film)"}"#)
            try #require(taken.status == 400)
            let words = "Stream id is already being used. Please change stream id or keep it empty"
            try #require(taken.text == result(false, words))
        }
    }

    @Test func durationsAreFoundOutOrWhyNot() async throws {
        try await Lab.run { lab in
            let store = try await FilmStore.open(in: lab)
            try await store.add(Film(first: 0, seconds: 5), as: "a film.mp4")
            let subtitles = store.file("words.srt")
            try Data("1\n00:00:00,000 --> 00:00:01,000\nno film at all\n".utf8).write(to: subtitles)
            try await lab.run("ffmpeg", ["ffmpeg", "-nostdin", "-v", "error", "-i", subtitles.path, "-c", "copy", store.file("words.mkv").path])
            let sender = try await LiveSender.start(.rtmp, of: Clip.light.file(), in: lab)
            // The server waits ten seconds for what it is to look at; it is there when somebody else has seen it.
            _ = try await lab.codecs(of: sender.url)
            let server = try await MartletProcess.startForPulls(in: lab)
            func duration(_ url: String) async throws -> String {
                let encoded = try #require(url.addingPercentEncoding(withAllowedCharacters: .alphanumerics))
                let answer = try await server.get("/v2/broadcasts/duration?url=\(encoded)")
                try #require(answer.status == 200)
                return answer.text
            }
            // ffmpeg rounds the last sound of a film to whole frames.
            let whole = try await server.get("/v2/broadcasts/duration?url=" + store.server.url("a%2520film.mp4")).json()
            let length = try #require(whole["dataId"].text.flatMap { Int($0) })
            try #require(whole["success"].bool == true && (5000...5050).contains(length), "\(whole)")
            try #require(try await duration(sender.url) == result(false, errorID: -1))
            for url in [store.server.url("nothing.mp4"), "file:///etc/passwd", "concat:a|b", "/etc/passwd", "rtsp://127.0.0.1:\(try freePort())/1"] {
                try #require(try await duration(url) == result(false, errorID: -2), "\(url)")
            }
            let words = try await duration(store.server.url("words.mkv"))
            try #require(words == result(false, errorID: -3))
            for url in ["", " "] { try #require(try await duration(url) == result(false)) }
        }
    }
}
