import Foundation
import Testing

/// Directories of the host in the library: served from where they are, and never changed.
@Suite struct VodImportTests {
    private func folder(_ lab: Lab) async throws -> URL {
        let films = lab.path("host/films")
        try FileManager.default.createDirectory(at: films.appending(path: "old/older"), withIntermediateDirectories: true)
        _ = try await lab.film(Film(first: 0, seconds: 3), at: films.appending(path: "a film.mp4"))
        _ = try await lab.film(Film(first: 0, seconds: 4), at: films.appending(path: "old/older/b.mkv"))
        _ = try await lab.film(Film(first: 0, seconds: 2), at: films.appending(path: "old/c.flv"))
        _ = try await lab.film(
            Film(first: 0, seconds: 3, options: ["-hls_time", "1", "-hls_list_size", "0"]), at: films.appending(path: "old/list.m3u8"))
        try Data("not a film".utf8).write(to: films.appending(path: "broken.mp4"))
        try Data("secret".utf8).write(to: films.appending(path: "notes.txt"))
        try Data("secret".utf8).write(to: lab.path("host/secret.mp4"))
        // Links to elsewhere, and in a circle.
        try FileManager.default.createSymbolicLink(atPath: films.appending(path: "escape.mp4").path, withDestinationPath: "../secret.mp4")
        try FileManager.default.createSymbolicLink(atPath: films.appending(path: "out").path, withDestinationPath: "..")
        try FileManager.default.createSymbolicLink(atPath: films.appending(path: "old/circle").path, withDestinationPath: "..")
        return films
    }

    private func contents(_ folder: URL) throws -> [String: Data] {
        var contents: [String: Data] = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder.path) {
            contents[path] = FileManager.default.contents(atPath: folder.appending(path: path).path) ?? Data()
        }
        return contents
    }

    @Test func aDirectoryIsImportedServedAndForgottenAndItsFilesStay() async throws {
        try await Lab.run { lab in
            let films = try await self.folder(lab)
            let before = try self.contents(films)
            let settings = ["MARTLET_VODS_IMPORT_DIRECTORIES": lab.path("host").path]
            let server = try await MartletProcess.startForPulls(in: lab, settings: settings)
            let address = "/v2/vods/directory?directory=\(films.path)"
            try #require(try await server.call("POST", address).text == result(true, "5 files are imported"))
            let taken = "There is already a file with the name films in the streams directory"
            try #require(try await server.call("POST", address).text == result(false, taken))

            let vods = try await eventually("all have been looked at") {
                let list = try await server.get("/v2/vods/list/0/50?streamId=films&sort_by=name&order_by=asc").json().items
                return list.allSatisfy { ["finished", "failed"].contains($0["processStatus"].text) } ? list : nil
            }
            try #require(vods.map { $0["vodName"].text } == ["a film.mp4", "b.mkv", "broken.mp4", "c.flv", "list.m3u8"])
            try #require(vods.map { $0["processStatus"].text } == ["finished", "finished", "failed", "finished", "finished"])
            try #require(vods.allSatisfy { $0["type"].text == "userVod" })
            for (vod, seconds) in zip(vods, [3.0, 4, 0, 2, 3]) {
                try #require(abs(try #require(vod["duration"].number) - seconds * 1000) < 150, "\(vod)")
            }

            // Served from where they are, and nothing beside them.
            let film = try await server.get("/live/streams/films/a%20film.mp4", headers: ["Range: bytes=4-7"])
            try #require(film.status == 206 && film.text == "ftyp" && film.headers["content-type"] == "video/mp4")
            try #require(try await server.get("/live/streams/films/old/older/b.mkv").headers["content-type"] == "video/x-matroska")
            try await DecodedMedia.decode(server.url("/live/streams/films/old/list.m3u8"), in: lab).requireEveryPicture(atLeast: 75)
            for path in ["films/escape.mp4", "films/out/secret.mp4", "films/notes.txt", "films/%2e%2e/secret.mp4", "films/old/circle/out/secret.mp4"]
            {
                try #require(try await server.get("/live/streams/\(path)").status == 404, "\(path)")
            }

            // What holds pictures has a poster; a list of other files can be watched, but not played as a source.
            try #require(vods.map { $0["previewFilePath"] == .null } == [false, false, true, false, true])
            try #require(try await server.get("/live/\(try #require(vods[1]["previewFilePath"].text))").status == 200)
            let list = try #require(vods[4]["vodId"].text)
            let refused = result(false, "A list of the library (m3u8) can be watched, but is no source: \(list)")
            let listed = try await server.call(
                "POST", "/v2/broadcasts/create", body: #"{"type":"playlist","playListItemList":[{"streamUrl":"\#(list)","type":"VoD"}]}"#)
            try #require(listed.status == 400 && listed.text == refused)

            // A broadcast plays one of them, by its id.
            let id = try #require(vods[0]["vodId"].text)
            try await server.create("show", "VoD", ["streamUrl": id])
            try await server.startPull("show")
            try await server.waitUntilLive("show")
            try await server.stopPull("show")

            // Deleted from the library, not from the disk; and so all others, by a server that has been started anew.
            try #require(try await server.call("DELETE", "/v2/vods/\(id)").json()["success"].bool == true)
            try #require(try self.contents(films) == before)
            try await server.stop()
            let next = try await server.restarted(settings: settings)
            try #require(try await next.get("/live/streams/films/old/c.flv").status == 200)
            try #require(try await next.call("DELETE", address).text == result(true, "4 of records are deleted"))
            try #require(try await next.get("/live/streams/films/old/c.flv").status == 404)
            try #require(try await next.call("DELETE", address).text == result(false, "\(films.path) does not exist or it's not a directory"))
            try #require(try self.contents(films) == before)
            try #require(try await next.get("/v2/vods/count").json()["number"].number == 0)
            // And once more.
            try #require(try await next.call("POST", address).text == result(true, "5 files are imported"))
        }
    }

    @Test func onlyWhatTheOperatorNamesIsImportedOrServed() async throws {
        try await Lab.run { lab in
            let films = try await self.folder(lab)
            let server = try await MartletProcess.start(in: lab)
            let address = "/v2/vods/directory?directory=\(films.path)"
            let none = "VoD import directory is allowed under none; see the setting vods.importDirectories"
            try #require(try await server.call("POST", address).text == result(false, none))
            // A link that somebody else has put there leads nowhere.
            try FileManager.default.createSymbolicLink(
                at: server.data.appending(path: "streams/films"), withDestinationURL: films)
            try #require(try await server.get("/live/streams/films/a%20film.mp4").status == 404)
            try await server.stop()

            let named = try await server.restarted(settings: ["MARTLET_VODS_IMPORT_DIRECTORIES": lab.path("host").path])
            for directory in ["/etc", lab.directory.path, lab.path("host-2").path, "\(films.path)/../..", server.data.path, "films", "/"] {
                let answer = try await named.call("POST", "/v2/vods/directory?directory=\(directory)")
                try #require(answer.text == result(false, "VoD import directory is allowed under \(lab.path("host").path)"), "\(directory)")
            }
            let missing = "\(lab.path("host").path)/none"
            try #require(
                try await named.call("POST", "/v2/vods/directory?directory=\(missing)").text
                    == result(false, "\(missing) does not exist or is not a directory"))
        }
    }
}
