import Foundation
import Glibc
import Testing

/// Playlists as one continuous stream. Field notes, rows 22, 23 and 25.
@Suite struct PlaylistTests {
    /// Everything is kept from the first frame on.
    private static let keeping = [
        "MARTLET_HLS_MODE": "always", "MARTLET_HLS_LIST_SIZE": "100", "MARTLET_HLS_SEGMENT_DURATION": "1s", "MARTLET_RECORDING_MP4": "true",
    ]

    @Test func filmsFollowEachOtherWithoutAGapAndTheListEnds() async throws {
        try await Lab.run { lab in
            let nginx = try await NginxRTMP.start(in: lab)
            let store = try await FilmStore.open(in: lab)
            let films = [Film(first: 1000, seconds: 5), Film(first: 2000, seconds: 6), Film(first: 3000, seconds: 5)]
            var urls: [String] = []
            for (film, name) in zip(films, ["one.mp4", "two.ts", "three.flv"]) { urls.append(try await store.add(film, as: name)) }
            let server = try await MartletProcess.startForPulls(in: lab, settings: Self.keeping)
            try await server.createPlaylist("show", urls, loops: false)
            try await server.call("POST", "/v2/broadcasts/show/endpoint", body: #"{"endpointUrl":"\#(nginx.url("copy"))"}"#)
            // Who watches at somebody else's server is there before anything comes, and stays longer than each of the films: there is a joint in it.
            let copied = lab.path("copied.mkv")
            let player = try await lab.startCopying(nginx.url("copy"), seconds: 8, to: copied)
            try #require(try await server.call("POST", "/v2/broadcasts/show/start").text == result(true))
            try await server.waitUntilLive("show")
            try #require(try await server.broadcast("show")["playListStatus"].text == "broadcasting")
            let again = try await server.call("POST", "/v2/broadcasts/show/start").text
            try #require(again == result(false, "Playlist is already running for stream:show"))

            // Somebody else's server gets it over the joint.
            try await eventually("the destination has it") { try await server.endpoint(of: "show")["status"].text == "broadcasting" }
            try #require(try await player.waitForExit() == .code(0), "\(player.lastWords)")
            let pushed = try await DecodedMedia.decode(copied.path, in: lab)
            try pushed.requireFilms(films.map(\.numbers), joints: 1)

            try await server.waitUntil("show", is: "finished")
            let ended = try await server.broadcast("show")
            try #require(ended["playListStatus"].text == "finished" && ended["currentPlayIndex"].number == 0)
            let playlist = try await server.get("/live/streams/show.m3u8").text
            try #require(playlist.contains("#EXT-X-ENDLIST") && !playlist.contains("#EXT-X-DISCONTINUITY\n"), "\(playlist)")
            let vod = try #require(try await server.vods(of: "show", count: 1).first)
            let path = try #require(vod["filePath"].text)
            // An HLS player, and the recording: every frame of each film.
            let watched = try await lab.copy(server.playlistURL("show"), seconds: 100)
            for (file, late) in [(watched.path, 0), (server.url("/live/\(path)"), 2)] {
                let media = try await DecodedMedia.decode(file, in: lab)
                try media.requireFilms(films.map(\.numbers), joints: 2, isWhole: true, lateBy: late)
                try media.requireSync(atLeast: 12)
                try #require(abs(media.soundLength - media.length) < 0.4, "\(media.soundLength) s of sound")
            }
            let count = try await server.get("/v2/vods/count").json()["number"].number
            try #require(count == 1, "one run is one recording")
        }
    }

    @Test func filmsOfOtherKindsMakeOneDiscontinuityEachAndBadOnesArePassedOver() async throws {
        try await Lab.run { lab in
            let store = try await FilmStore.open(in: lab)
            let films = [Film(first: 1000, seconds: 4), Film(first: 2000, seconds: 4, size: "480:270"), Film(first: 3000, seconds: 4, video: .hevc)]
            var urls: [String] = []
            for (index, film) in films.enumerated() { urls.append(try await store.add(film, as: "film\(index).mp4")) }
            try Data("no film at all, only words".utf8).write(to: store.file("words.mp4"))
            let bad = [store.server.url("nothing.mp4"), store.server.url("words.mp4"), store.server.url("status=503/film0.mp4")]
            urls.insert(contentsOf: bad, at: 1)
            let server = try await MartletProcess.startForPulls(in: lab, settings: Self.keeping)
            try await server.createPlaylist("show", urls, loops: false)
            // Who is there before anything comes sees the first joint.
            let file = lab.path("watched.flv")
            let player = try await lab.startCopying(server.rtmpURL("show"), seconds: 7, to: file)
            try await eventually("the player waits") { try await server.metric("rtmp_connections") == 1 }
            try await server.startPull("show")
            try await server.waitUntilLive("show")
            try await server.waitUntil("show", is: "finished")

            let playlist = try await server.get("/live/streams/show.m3u8").text
            let lines = playlist.split(separator: "\n")
            try #require(lines.filter { $0 == "#EXT-X-DISCONTINUITY" }.count == 2, "\(playlist)")
            try #require(lines.filter { $0.hasPrefix("#EXT-X-MAP:") }.count == 3, "\(playlist)")
            let lengths = lines.compactMap { $0.wholeMatch(of: /#EXTINF:([0-9.]+),.*/).flatMap { Double($0.1) } }
            try #require(abs(lengths.reduce(0, +) - 12) < 0.25, "\(playlist)")
            let parts = try await server.download("show")
            try #require(parts.count == 3)
            for (part, film) in zip(parts, films) {
                let media = try await DecodedMedia.decode(part.path, in: lab)
                try media.requireFilms([film.numbers], joints: 0, isWhole: true)
                try media.requireSync(atLeast: 2)
            }
            // Files cannot change what they hold, so there is one for each.
            let recordings = try await server.vods(of: "show", count: 3)
            for (index, film) in films.enumerated() {
                let path = try #require(recordings[index]["filePath"].text)
                let media = try await DecodedMedia.decode(server.url("/live/\(path)"), in: lab)
                try media.requireFilms([film.numbers], joints: 0, isWhole: true, lateBy: index == 0 ? 2 : 0)
            }
            // Over RTMP there is no gap either.
            try await player.waitForExit()
            let media = try await DecodedMedia.decode(file.path, in: lab)
            try media.requireFilms(films.map(\.numbers), joints: 1)
            let complaints = try server.log().filter { $0["message"].text == "playlist item failed" }
            try #require(complaints.count == 3, "\(complaints)")
        }
    }

    /// Where that is set, every film becomes one of the same format, and nothing changes at a joint but the picture.
    @Test func filmsOfOtherKindsBecomeOneKindWhereThatIsSet() async throws {
        try await Lab.run { lab in
            let store = try await FilmStore.open(in: lab)
            let films = [Film(first: 1000, seconds: 4), Film(first: 2000, seconds: 4, video: .hevc, size: "480:270", hasSound: false)]
            var urls: [String] = []
            for (index, film) in films.enumerated() { urls.append(try await store.add(film, as: "film\(index).mp4")) }
            let format = [
                "MARTLET_PLAYLISTS_NORMALIZE": "true", "MARTLET_PLAYLISTS_WIDTH": "320", "MARTLET_PLAYLISTS_HEIGHT": "180",
                "MARTLET_PLAYLISTS_FRAME_RATE": "25", "MARTLET_PLAYLISTS_VIDEO_BITRATE": "300000",
            ]
            let server = try await MartletProcess.startForPulls(in: lab, settings: Self.keeping.merging(format) { _, given in given })
            try await server.createPlaylist("show", urls, loops: false)
            try await server.startPull("show")
            try await server.waitUntilLive("show")
            try await server.waitUntil("show", is: "finished")
            let playlist = try await server.get("/live/streams/show.m3u8").text
            try #require(!playlist.contains("#EXT-X-DISCONTINUITY\n"), "\(playlist)")
            try #require(try await lab.codecs(of: server.playlistURL("show")) == ["aac 48000", "h264 320x180"])
            let media = try await DecodedMedia.decode(try await lab.copy(server.playlistURL("show"), seconds: 100).path, in: lab)
            try media.requireFilms(films.map(\.numbers), joints: 1, isWhole: true)
            try #require(abs(media.soundLength - media.length) < 0.2, "\(media.soundLength) s of sound")
        }
    }

    @Test func nextGoesOnAndThePlaceIsKept() async throws {
        try await Lab.run { lab in
            let store = try await FilmStore.open(in: lab)
            let films = (1...3).map { Film(first: $0 * 1000, seconds: 30) }
            var urls: [String] = []
            for (index, film) in films.enumerated() { urls.append(try await store.add(film, as: "film\(index).mp4")) }
            let server = try await MartletProcess.startForPulls(in: lab)
            try await server.createPlaylist("show", urls, loops: true)
            let idle = try await server.call("POST", "/v2/broadcasts/playlists/show/next").text
            try #require(idle == result(false, "No active playlist for id:show. Start the playlist first"))
            try await server.startPull("show")
            try await server.waitUntilLive("show")
            let file = lab.path("watched.mkv")
            let player = try await lab.startCopying(server.rtmpURL("show"), to: file)
            try await eventually("somebody watches") { try await server.broadcast("show")["rtmpViewerCount"].number == 1 }

            func plays(_ index: Double) async throws {
                try await eventually("item \(index) is played") { try await server.broadcast("show")["currentPlayIndex"].number == index }
                try await silence(.seconds(2))
            }
            try await silence(.seconds(2))
            for (query, index) in [("", 1.0), ("?index=0", 0), ("?index=2", 2), ("?index=-1", 0)] {
                let answer = try await server.call("POST", "/v2/broadcasts/playlists/show/next\(query)")
                // The half minute that a film takes is not waited for.
                try #require(answer.text == result(true, dataID: "show") && answer.seconds < 20, "\(answer)")
                try await plays(index)
            }
            let outside = try await server.call("POST", "/v2/broadcasts/playlists/show/next?index=3").text
            try #require(outside == result(false, "Index is out of the list. Please specify the correct index"))
            // Edited while it runs: what comes next comes from the new list.
            let items = [urls[0], urls[2]].map { #"{"streamUrl":"\#($0)","type":"VoD"}"# }.joined(separator: ",")
            let edited = try await server.call("PUT", "/v2/broadcasts/show", body: #"{"playListItemList":[\#(items)]}"#)
            try #require(edited.text == result(true))
            try await server.call("POST", "/v2/broadcasts/playlists/show/next")
            try await plays(1)
            player.send(SIGINT)
            try await player.waitForExit()
            let media = try await DecodedMedia.decode(file.path, in: lab)
            try media.requireCuts(to: [2000, 1000, 3000, 1000, 3000])

            try await server.stopPull("show")
            try await server.waitUntil("show", is: "finished")
            let stopped = try await server.broadcast("show")
            try #require(stopped["playListStatus"].text == "finished" && stopped["currentPlayIndex"].number == 1)
            // And there it goes on, also after a power failure.
            try await server.startPull("show")
            try await server.waitUntilLive("show")
            try await server.kill()
            let later = try await server.restartedForPulls()
            try await later.waitUntilLive("show")
            let resumed = try await DecodedMedia.decode(try await lab.copy(later.rtmpURL("show"), seconds: 2).path, in: lab)
            try #require(resumed.pictures.allSatisfy { films[2].numbers.contains($0.number) })
        }
    }

    @Test func aPlannedListStartsAndEndsByItself() async throws {
        try await Lab.run { lab in
            let store = try await FilmStore.open(in: lab)
            let url = try await store.add(Film(first: 0, seconds: 30), as: "film.mp4")
            let server = try await MartletProcess.startForPulls(in: lab)
            let now = Int(Date().timeIntervalSince1970)
            try await server.createPlaylist("soon", [url], loops: true, more: #","plannedStartDate":\#(now + 3),"plannedEndDate":\#(now + 15)"#)
            try await server.createPlaylist("missed", [url], loops: true, more: #","plannedStartDate":\#(now + 4)"#)
            try await server.createPlaylist("cancelled", [url], loops: true, more: #","plannedStartDate":\#(now + 3)"#)
            try #require(try await server.call("DELETE", "/v2/broadcasts/cancelled").status == 200)
            // Looked at before the clock is, so that a test that is late itself does not take the start for an early one.
            let status = try await server.broadcast("soon")["status"].text
            try #require(status == "created" || Date().timeIntervalSince1970 >= Double(now + 3), "it is \(status ?? "")")
            try await server.waitUntil("soon", is: "finished")
            try #require(Date().timeIntervalSince1970 >= Double(now + 15), "it ended early")
            // When it went live is told even then: milliseconds, and none of something that was never live.
            let started = try #require(try await server.broadcast("soon")["startTime"].number)
            try #require(started >= Double(now + 3) * 1000, "it started early, or not at all: \(started)")
            try await server.call("POST", "/v2/broadcasts/missed/stop")

            // Down at the time of a start: it is made up for.
            let then = Int(Date().timeIntervalSince1970) + 2
            try await server.createPlaylist("down", [url], loops: true, more: #","plannedStartDate":\#(then)"#)
            try await server.kill()
            try await silence(.seconds(3))
            let next = try await server.restartedForPulls()
            try await next.waitUntilLive("down")
            for id in ["soon", "missed"] { try #require(try await next.broadcast(id)["status"].text == "finished", "\(id) is not played twice") }
            try #require(try await next.get("/v2/broadcasts/cancelled").status == 404)
        }
    }
}
