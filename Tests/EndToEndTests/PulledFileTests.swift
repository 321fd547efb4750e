import Foundation
import Glibc
import Testing

/// Files by HTTP and from the library, as a station plays them: in real time, over and over.
@Suite struct PulledFileTests {
    @Test func aFilmIsPlayedInRealTimeOverAndOver() async throws {
        try await Lab.run { lab in
            let store = try await FilmStore.open(in: lab)
            let film = Film(first: 1000, seconds: 4)
            let server = try await MartletProcess.startForPulls(in: lab)
            try await server.create("film", "VoD", ["streamUrl": try await store.add(film, as: "film.mp4")])
            var copy = lab.path("none")
            // Not at once, though the first group of pictures may be there already.
            let time = try await seconds {
                try await server.startPull("film")
                try await server.waitUntilLive("film")
                copy = try await lab.copy(server.rtmpURL("film"), seconds: 11)
            }
            try #require(time > 8 && time < 40, "11 s took \(time) s")
            let media = try await DecodedMedia.decode(copy.path, in: lab)
            try media.requireFilms([film.numbers], joints: 2)
            try media.requireSync(atLeast: 7)
            // Nor at half the speed, however late it is looked at.
            let answer = try await eventually("it is played in real time") { () -> JSON? in
                let answer = try await server.broadcast("film")
                let speed = answer["speed"].number ?? 0
                return speed > 0.8 && speed < 1.3 ? answer : nil
            }
            try #require(answer["status"].text == "broadcasting" && answer["publishType"].text == "Pull" && answer["type"].text == "VoD")
        }
    }

    /// However a server hands it out, and whatever it is packed in.
    @Test(arguments: [
        ("norange", "film.mp4"), ("slow=1", "film.ts"), ("nolength", "film.flv"), ("chunked", "film.mkv"), ("redirect=302", "film.mp4"),
        ("type=video%2Fmp4", "film.m3u8"),
    ])
    func everyServerAndEveryContainerWillDo(manner: String, name: String) async throws {
        try await Lab.run { lab in
            let store = try await FilmStore.open(in: lab)
            let film = Film(first: 1000, seconds: 5, options: name.hasSuffix("m3u8") ? ["-hls_time", "1", "-hls_list_size", "0"] : [])
            try await store.add(film, as: name)
            let server = try await MartletProcess.startForPulls(in: lab)
            try await server.create("film", "VoD", ["streamUrl": store.server.url("\(manner)/\(name)")])
            try await server.startPull("film")
            try await server.waitUntilLive("film")
            let media = try await DecodedMedia.decode(try await lab.copy(server.rtmpURL("film"), seconds: 7).path, in: lab)
            try media.requireFilms([film.numbers], joints: 1)
            try media.requireSync(atLeast: 4)
        }
    }

    @Test func seekingGoesToTheKeyframeBeforeAndStartsWhereItIsTold() async throws {
        try await Lab.run { lab in
            let store = try await FilmStore.open(in: lab)
            let film = Film(first: 0, seconds: 60)
            let server = try await MartletProcess.startForPulls(in: lab)
            let url = try await store.add(film, as: "film.mp4")
            try await server.create("film", "VoD", ["streamUrl": url], more: #","seekTimeInMs":20000"#)
            let none = "Not active stream source found with this id: film make sure you give the id of a running stream source"
            let early = try await server.call("PUT", "/v2/broadcasts/film/seek-time/40000")
            try #require(early.text == result(false, none))
            try await server.startPull("film")
            try await server.waitUntilLive("film")
            let file = lab.path("watched.flv")
            let player = try await lab.startCopying(server.rtmpURL("film"), to: file)
            try await eventually("somebody watches") { try await server.broadcast("film")["rtmpViewerCount"].number == 1 }
            try await silence(.seconds(2))
            let answer = try await server.call("PUT", "/v2/broadcasts/film/seek-time/40500")
            try #require(answer.text == result(true))
            try await silence(.seconds(3))
            // Beyond the end is nowhere.
            try #require(try await server.call("PUT", "/v2/broadcasts/film/seek-time/99000").text == result(true))
            try await silence(.seconds(2))
            player.send(SIGINT)
            try await player.waitForExit()
            let media = try await DecodedMedia.decode(file.path, in: lab)
            let first = try #require(media.pictures.first?.number)
            // At 20 s, or as much later as it took somebody to watch; the other seek goes to 1000.
            try #require((500..<900).contains(first), "it begins at \(first)")
            try media.requireCuts(to: [1000])
            try media.requireSync(atLeast: 4)
        }
    }

    @Test func aRecordingOfTheLibraryIsPlayed() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.startForPulls(in: lab)
            let publisher = try await server.publish(as: "live")
            let recording = try await server.record("live", true)
            try await publisher.send(4)
            try await server.record("live", false)
            let vod = try #require(try await server.vods(of: "live", count: 1).first)
            let id = try #require(recording["dataId"].text)
            for (name, source) in [("id", id), ("path", try #require(vod["filePath"].text))] {
                try await server.create(name, "VoD", ["streamUrl": source])
                try await server.startPull(name)
                try await server.waitUntilLive(name)
            }
            let length = try await server.get("/v2/broadcasts/duration?url=\(id)").json()
            try #require(length["dataId"].text.flatMap { Double($0) } == vod["duration"].number)
            let whole = try await DecodedMedia.decode(server.url("/live/streams/live.mp4"), in: lab).pictures.map(\.number)
            let media = try await DecodedMedia.decode(try await lab.copy(server.rtmpURL("id"), seconds: 6).path, in: lab)
            // The recording was cut off in the order of decoding; it is played as it is.
            let played = media.pictures.dropLast(4).map(\.number)
            let start = try #require(played.first.flatMap { whole.firstIndex(of: $0) })
            try #require(played.count > whole.count && played == (start..<(start + played.count)).map { whole[$0 % whole.count] }, "\(played)")
            for path in ["../martlet.sqlite", "streams/../../martlet.sqlite", "/etc/passwd", "vod:../martlet.sqlite"] {
                let body = #"{"streamId":"away","type":"VoD","streamUrl":"\#(path)"}"#
                let created = try await server.call("POST", "/v2/broadcasts/create", body: body)
                let started = try await server.call("POST", "/v2/broadcasts/away/start").json()
                try #require(created.status == 400 || started["success"].bool == false, "\(path)")
                try await server.call("DELETE", "/v2/broadcasts/away")
            }
        }
    }

    /// What is wrong is told, and tried again.
    @Test func whatIsNotThereYetIsTriedAgain() async throws {
        try await Lab.run { lab in
            let store = try await FilmStore.open(in: lab)
            // Long enough for what does answer, and far from the 30 s of what does not.
            let server = try await MartletProcess.startForPulls(in: lab, settings: ["MARTLET_SOURCES_OPEN_TIMEOUT": "6s"])
            try await store.add(Film(first: 0, seconds: 10), as: "film.ts")
            try Data("no film at all, only words".utf8).write(to: store.file("words.ts"))
            for (id, path) in [
                ("late", "nothing.ts"), ("forbidden", "status=403/film.ts"), ("failing", "failing=2/film.ts"), ("slow", "slow=30/film.ts"),
                ("words", "words.ts"),
            ] {
                try await server.create(id, "streamSource", ["streamUrl": store.server.url(path)])
                try await server.startPull(id)
            }
            try #require(try await server.pullError("late") == "Server returned 404 Not Found")
            try #require(try await server.pullError("forbidden") == "Server returned 403 Forbidden (access denied)")
            try #require(try await server.pullError("words") == "Invalid data found when processing input")
            try #require(try await server.pullError("slow").contains("nothing came in time"))
            try await server.waitUntilLive("failing")
            try FileManager.default.copyItem(at: store.file("film.ts"), to: store.file("nothing.ts"))
            try await server.waitUntilLive("late")
            for id in ["forbidden", "slow", "words"] {
                try #require(try await server.broadcast(id)["status"].text != "broadcasting", "\(id)")
                try await server.stopPull(id)
            }
        }
    }
}
