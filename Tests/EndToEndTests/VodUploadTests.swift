import Foundation
import Testing

/// Files that clients send: kept when they are media, and nothing is left of them otherwise.
@Suite struct VodUploadTests {
    @Test func aFilmIsUploadedServedAndDeleted() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let film = try await lab.film(Film(first: 0, seconds: 6), at: lab.path("film.mp4"))
            let answer = try await server.upload(film, as: "my film.mp4", metadata: #"{"by":"me"}"#)
            try #require(answer.status == 200)
            let told = try answer.json()
            let id = try #require(told["dataId"].text)
            try #require(told["success"].bool == true && told["message"].text == id && id.count == 24 && id.allSatisfy { $0.isNumber })

            let vod = try await server.vod(id)
            let bytes = try Data(contentsOf: film)
            try #require(vod["type"].text == "uploadedVod" && vod["streamId"].text == "file" && vod["vodName"].text == "my film.mp4")
            try #require(vod["streamName"].text == "my film.mp4" && vod["metadata"].text == #"{"by":"me"}"# && vod["startTime"].number == 0)
            try #require(vod["filePath"].text == "streams/\(id).mp4" && vod["fileSize"].number == Double(bytes.count))
            try #require(abs(try #require(vod["duration"].number) - 6000) < 100)
            try #require(vod["processStatus"].text == "finished" && vod["processPercent"] == .null)
            try #require(try #require(vod["processEndTime"].number) >= #require(vod["processStartTime"].number))

            let whole = try await server.get("/live/streams/\(id).mp4")
            try #require(whole.status == 200 && whole.headers["content-type"] == "video/mp4" && whole.body == bytes)
            let part = try await server.get("/live/streams/\(id).mp4", headers: ["Range: bytes=4-7"])
            try #require(part.status == 206 && part.text == "ftyp" && part.headers["content-range"] == "bytes 4-7/\(bytes.count)")
            try await DecodedMedia.decode(server.url("/live/streams/\(id).mp4"), in: lab).requireEveryPicture(atLeast: 150)

            try #require(vod["previewFilePath"].text == "previews/\(id).png")
            let poster = try await server.get("/live/previews/\(id).png")
            try #require(poster.status == 200 && poster.headers["content-type"] == "image/png")

            let found = try await server.get("/v2/vods/list/0/10?search=MY%20FILM").json().items
            try #require(found == [vod])
            try #require(try await server.call("DELETE", "/v2/vods/\(id)").json()["message"].text == "vod deleted")
            try #require(try await server.get("/live/streams/\(id).mp4").status == 404)
            try #require(try await server.vod(id)["vodId"] == .null)
            try #require(try server.libraryFiles() == [])
        }
    }

    @Test func everyKindOfTheContractIsTakenAndServedAsWhatItIs() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let film = Film(first: 0, seconds: 3)
            let kinds: [(ending: String, type: String, options: [String])] = [
                ("mov", "video/quicktime", []), ("avi", "video/x-msvideo", []), ("wmv", "video/x-ms-wmv", ["-f", "asf"]),
                ("webm", "video/webm", ["-c:v", "libvpx", "-c:a", "libopus", "-deadline", "realtime"]),
                ("mp3", "audio/mpeg", ["-vn", "-c:a", "libmp3lame", "-ar", "44100"]),
            ]
            for kind in kinds {
                var film = film
                film.options = kind.options
                let file = try await lab.film(film, at: lab.path("film.\(kind.ending)"))
                let told = try await server.upload(file, as: "film.\(kind.ending)").json()
                let id = try #require(told["dataId"].text, "\(kind.ending): \(told)")
                let duration = try #require(try await server.vod(id)["duration"].number)
                try #require(abs(duration - 3000) < 200, "\(kind.ending): \(duration)")
                let head = try await server.call("HEAD", "/live/streams/\(id).\(kind.ending)")
                try #require(head.status == 200 && head.headers["content-type"] == kind.type)
                let poster = try await server.vod(id)["previewFilePath"]
                guard kind.ending != "mp3" else {
                    try #require(poster == .null, "there is nothing to see")
                    continue
                }
                try #require(try await server.get("/live/\(try #require(poster.text))").status == 200, "\(kind.ending)")
                // The first half alone.
                let half = lab.path("half.\(kind.ending)")
                let bytes = try Data(contentsOf: file)
                try bytes.prefix(bytes.count / 2).write(to: half)
                try #require(try await server.upload(half, as: "film.\(kind.ending)").json()["success"].bool == false, "\(kind.ending)")
            }
        }
    }

    @Test func whatIsBrokenIsRefusedAndRemoved() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let film = try await lab.film(Film(first: 0, seconds: 6), at: lab.path("film.mp4"))
            let early = try await lab.film(Film(first: 0, seconds: 6, options: ["-movflags", "+faststart"]), at: lab.path("early.mp4"))
            let broken = lab.path("broken.mp4")
            // Its index is at the end and missing; its index is there and names what is missing; it never was a film.
            for content in [try Data(contentsOf: film).dropLast(60_000), try Data(contentsOf: early).dropLast(60_000), Data("no film".utf8)] {
                try content.write(to: broken)
                let answer = try await server.upload(broken, as: "film.mp4")
                try #require(answer.status == 200)
                let told = try answer.json()
                try #require(told["success"].bool == false && told["dataId"] == .null, "\(told)")
                try #require(try #require(told["message"].text).hasPrefix("The file cannot be read as what its name says"))
            }
            // Another kind than its name says, and a name of no kind.
            try #require(try await server.upload(film, as: "film.webm").json()["success"].bool == false)
            try #require(try await server.upload(film, as: "film.mkv").json()["message"].text == "notSupportedFileType")
            // What makes libavformat open other files.
            try Data("#EXTM3U\n#EXTINF:6,\nfile://\(film.path)\n#EXT-X-ENDLIST\n".utf8).write(to: broken)
            try #require(try await server.upload(broken, as: "film.mp4").json()["success"].bool == false)
            try #require(try server.libraryFiles() == [])
            try #require(try await server.get("/v2/vods/count").json()["number"].number == 0)
        }
    }

    @Test func aFileOverTheLimitGets413() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab, settings: ["MARTLET_VODS_MAX_UPLOAD_SIZE": "20KB"])
            let film = try await lab.film(Film(first: 0, seconds: 20), at: lab.path("film.mp4"))
            try #require(try Data(contentsOf: film).count > 30_000)
            for options in [[], ["-H", "Transfer-Encoding: chunked"]] {
                let answer = try await server.upload(film, as: "film.mp4", options: options)
                try #require(answer.status == 413 && (try answer.json()["message"].text) == "The file is larger than 20000 bytes.")
            }
            try #require(try server.libraryFiles() == [])
        }
    }

    @Test func nothingIsLeftOfAClientThatGoesAwayOrAServerThatDies() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let film = lab.path("film.mp4")
            _ = try await lab.film(Film(first: 0, seconds: 60, size: "640:360"), at: film)
            func size(_ server: MartletProcess) throws -> Int {
                try server.libraryFiles().reduce(0) { sum, path in
                    let attributes = try FileManager.default.attributesOfItem(atPath: server.data.appending(path: "streams/\(path)").path)
                    return sum + (attributes[.size] as? Int ?? 0)
                }
            }
            let client = try await server.startUpload(film, as: "film.mp4", bytesPerSecond: 100_000)
            try await eventually("some of it is there") { try size(server) > 0 }
            client.send(SIGKILL)
            try await eventually("it is gone") { try server.libraryFiles().isEmpty }

            let other = try await server.startUpload(film, as: "film.mp4", bytesPerSecond: 100_000)
            try await eventually("some of it is there") { try size(server) > 0 }
            try await server.kill()
            try await other.waitForExit()
            try #require(try !server.libraryFiles().isEmpty, "a process that is killed clears nothing up")
            let next = try await server.restarted()
            try #require(try next.libraryFiles() == [])
            try #require(try await next.get("/v2/vods/count").json()["number"].number == 0)
        }
    }

    @Test func uploadsStopWithTheServer() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let film = lab.path("film.mp4")
            _ = try await lab.film(Film(first: 0, seconds: 60, size: "640:360"), at: film)
            let client = try await server.startUpload(film, as: "film.mp4", bytesPerSecond: 50_000)
            try await eventually("it has begun") { try !server.libraryFiles().isEmpty }
            try await server.stop()
            try await client.waitForExit()
            try #require(try server.libraryFiles() == [])
        }
    }

    /// More than 31 bits of bytes, most of them in a box that players pass over.
    @Test func twoGibibytesAreUploadedInFlatMemory() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let large = lab.path("large.mp4")
            let film = try await lab.film(Film(first: 0, seconds: 3, options: ["-movflags", "+faststart"]), at: large)
            let start = try Data(contentsOf: film).count
            let box = 2_200_000_000
            let handle = try FileHandle(forWritingTo: large)
            try handle.seekToEnd()
            // ISO/IEC 14496-12 §4.2: a `free` box with a 64-bit size.
            try handle.write(contentsOf: Data([0, 0, 0, 1]) + Data("free".utf8) + withUnsafeBytes(of: UInt64(box).bigEndian) { Data($0) })
            try handle.truncate(atOffset: UInt64(start + box))
            try handle.close()

            let before = try server.memory("VmRSS")
            let answer = try await server.upload(large, as: "large.mp4", limit: 240)
            let id = try #require(try answer.json()["dataId"].text, "\(answer.text)")
            let peak = try server.memory("VmHWM")
            try #require(peak - before < 60_000, "from \(before) kB to \(peak) kB")

            let vod = try await server.vod(id)
            try #require(vod["fileSize"].number == Double(start + box) && abs(vod["duration"].number.map { $0 - 3000 } ?? 9999) < 100)
            let end = try await server.get("/live/streams/\(id).mp4", headers: ["Range: bytes=2147483640-2147483655"])
            try #require(end.status == 206 && end.body == Data(count: 16))
            try #require(end.headers["content-range"] == "bytes 2147483640-2147483655/\(start + box)")
            try #require(try await server.call("DELETE", "/v2/vods/\(id)").json()["success"].bool == true)
        }
    }
}
