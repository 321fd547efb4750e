import Foundation
import Testing

/// The peers of the other tests are what they claim to be; ffmpeg's own tools say so.
@Suite struct PeerTests {
    private func codecs(_ url: String, _ options: [String] = [], in lab: Lab) async throws -> [String] {
        let command = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0"] + options + [url]
        // HLS lists its streams twice, once of them below the program.
        return try await Set(lab.run("ffprobe", command).output.split(whereSeparator: \.isWhitespace).map { String($0) }).sorted()
    }

    private func refusal(_ url: String, in lab: Lab) async throws -> String {
        let child = try await lab.start("ffprobe", ["ffprobe", "-v", "error", url])
        try #require(try await child.waitForExit() != .code(0), "\(url) was served")
        return try child.errors()
    }

    @Test(arguments: zip([RTSPCamera.Video.h264, .h264, .hevc], [RTSPCamera.Audio.aac, .pcma, .opus]))
    func aCameraSendsWhatItIsAskedFor(video: RTSPCamera.Video, audio: RTSPCamera.Audio) async throws {
        try await Lab.run { lab in
            let camera = try await RTSPCamera.start(in: lab, video: video, audio: audio)
            let expected = [video.rawValue, audio == .pcma ? "pcm_alaw" : audio.rawValue].sorted()
            #expect(try await self.codecs(camera.url, ["-rtsp_transport", "tcp"], in: lab) == expected)
        }
    }

    @Test func aCameraKeepsItsPassword() async throws {
        try await Lab.run { lab in
            let camera = try await RTSPCamera.start(in: lab, film: Clip.light.file(), login: ("admin", "p@ss/w"), transport: .udp)
            #expect(try await self.refusal(camera.url, in: lab).contains("401 Unauthorized"))
            let address = camera.url.replacing("rtsp://", with: "rtsp://admin:p%40ss%2Fw@")
            #expect(try await self.codecs(address, in: lab) == ["aac", "h264"])
        }
    }

    @Test func filesAreServedWellAndBadly() async throws {
        try await Lab.run { lab in
            let folder = lab.path("files")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let bytes = Data((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })
            try bytes.write(to: folder.appending(path: "a.bin"))
            let server = try await FileServer.start(in: lab, folder: folder)
            func get(_ path: String, _ headers: String...) async throws -> HTTPAnswer {
                try await HTTPAnswer.fetch("GET", server.url(path), headers: headers, in: lab)
            }

            let whole = try await get("a.bin")
            #expect(whole.status == 200 && whole.body == bytes && whole.headers["accept-ranges"] == "bytes")
            let part = try await get("a.bin", "Range: bytes=100-199")
            #expect(part.status == 206 && part.body == bytes[100..<200] && part.headers["content-range"] == "bytes 100-199/100000")
            #expect(try await get("a.bin", "Range: bytes=100000-").status == 416)
            #expect(try await get("norange/a.bin", "Range: bytes=100-199").body == bytes)
            let endless = try await get("nolength/a.bin")
            #expect(endless.body == bytes && endless.headers["content-length"] == nil)
            #expect(try await get("chunked/a.bin").body == bytes)
            #expect(try await get("b.bin").status == 404)
            #expect(try await get("status=403/a.bin").status == 403)
            #expect(try await get("slow=0.5/a.bin").seconds >= 0.5)
            #expect(try await get("rate=200000/a.bin").seconds >= 0.4)
            let statuses = try await [get("failing=1/a.bin").status, get("failing=1/a.bin").status]
            #expect(statuses == [503, 200])
            #expect(try await get("redirect=302/norange/a.bin").headers["location"] == "/norange/a.bin")
            let away = try await HTTPAnswer.fetch("GET", server.redirect(to: "http://127.0.0.1:1/a?b=c d"), in: lab)
            #expect(away.status == 302 && away.headers["location"] == "http://127.0.0.1:1/a?b=c d")
            #expect(try await get("login=a:b/a.bin").status == 401)
            #expect(try await get("login=a:b/a.bin", "Authorization: Basic YTpi").body == bytes)

            let requests = try await server.requests()
            #expect(requests.prefix(2).map(\.status) == [200, 206])
            #expect(requests.dropFirst().first == FileServer.Request(method: "GET", path: "/a.bin", range: "bytes=100-199", status: 206))
        }
    }

    @Test func aPlaylistIsReadThroughARedirect() async throws {
        try await Lab.run { lab in
            let folder = lab.path("files")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let film = try await Clip.light.file().path
            try await lab.run(
                "ffmpeg",
                ["ffmpeg", "-nostdin", "-v", "error", "-i", film, "-c", "copy", "-t", "6", "-f", "hls", folder.appending(path: "a.m3u8").path])
            let server = try await FileServer.start(in: lab, folder: folder)
            #expect(try await self.codecs(server.url("redirect=302/a.m3u8"), in: lab) == ["aac", "h264"])
        }
    }
}
