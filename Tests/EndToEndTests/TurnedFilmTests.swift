import Foundation
import Testing

/// A film as a telephone records it that is held upright: its pictures lie on their side, and its container says how they are to be turned.
@Suite struct TurnedFilmTests {
    private static let rotation = -90

    /// 320×180, white to the left: upright it is 180×320, white above.
    private func add(to store: FilmStore) async throws -> String {
        let (flat, file) = (store.file("flat.mp4"), store.file("turned.mp4"))
        let picture = "color=white:s=320x180:r=25:d=8,drawbox=x=160:y=0:w=160:h=180:color=black:t=fill"
        try await store.lab.run(
            "ffmpeg",
            [
                "ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", "sine=sample_rate=48000:duration=8",
                "-c:v",
                "libx264", "-pix_fmt", "yuv420p", "-g", "25", "-c:a", "aac", flat.path,
            ])
        // ffmpeg's word for it counts the other way round.
        try await store.lab.run(
            "ffmpeg", ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", flat.path, "-c", "copy", "-metadata:s:v", "rotate=270", file.path])
        return store.server.url("turned.mp4")
    }

    /// The size at which ffmpeg shows a file's first picture, turned where the file says so, and whether it is white above and black below.
    private func requireUpright(
        _ file: URL, _ size: (width: Int, height: Int), in lab: Lab, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let raw = lab.path("shown-\(UUID().uuidString).gray")
        let command = ["ffmpeg", "-nostdin", "-v", "error", "-i", file.path, "-frames:v", "1", "-vf", "format=gray", "-f", "rawvideo", raw.path]
        try await lab.run("ffmpeg", command)
        let pixels = [UInt8](try Data(contentsOf: raw))
        try #require(pixels.count == size.width * size.height, "\(pixels.count) pixels", sourceLocation: sourceLocation)
        func mean(_ rows: Range<Int>) -> Int {
            let part = pixels[(rows.lowerBound * size.width)..<(rows.upperBound * size.width)]
            return part.reduce(0) { $0 + Int($1) } / part.count
        }
        let (above, below) = (mean(0..<size.height * 2 / 5), mean(size.height * 3 / 5..<size.height))
        try #require(above > 200 && below < 50, "\(above) above, \(below) below", sourceLocation: sourceLocation)
    }

    private func rotations(_ file: URL, in lab: Lab) async throws -> [Int] {
        try await lab.probe(file.path)["streams"].items.flatMap { $0["side_data_list"].items }.compactMap { $0["rotation"].number.map { Int($0) } }
    }

    @Test func itIsUprightInEverySizeAndEveryFile() async throws {
        try await Lab.run { lab in
            let store = try await FilmStore.open(in: lab)
            let url = try await self.add(to: store)
            try #require(try await self.rotations(store.file("turned.mp4"), in: lab) == [Self.rotation])
            let server = try await MartletProcess.startForPulls(in: lab)
            let ladder = #","encoderSettingsList":[{"height":120,"videoBitrate":200000,"audioBitrate":0}]"#
            try await server.create("film", "VoD", ["streamUrl": url], more: ladder)
            try await server.startPull("film")
            try await server.waitUntilLive("film")
            let info = try await eventually("the rendition is live") { () -> [JSON]? in
                let items = try await server.get("/v2/broadcasts/film/stream-info").json().items
                return items.count == 2 ? items : nil
            }
            try #require(info.map { $0["videoHeight"].number } == [320, 120])
            try #require(info.map { $0["videoWidth"].number } == [180, 68])
            let broadcast = try await server.broadcast("film")
            try #require(broadcast["width"].number == 180 && broadcast["height"].number == 320)
            for (height, type) in [(0, "mp4"), (120, "mp4"), (0, "webm")] {
                let query = "recordType=\(type)&resolutionHeight=\(height)"
                try #require(try await server.call("PUT", "/v2/broadcasts/film/recording/true?\(query)").json()["success"].bool == true, "\(query)")
            }

            let picture = lab.path("picture.png")
            try await server.get("/live/previews/film.png").body.write(to: picture)
            try await self.requireUpright(picture, (180, 320), in: lab)

            try await eventually("both are listed and played") {
                let master = try await server.get("/live/streams/film_adaptive.m3u8").text
                guard master.contains("RESOLUTION=180x320"), master.contains("RESOLUTION=68x120") else { return false }
                return try await server.get("/live/streams/film_120p200kbps.m3u8").text.contains("#EXTINF")
            }
            let source = try #require(try await server.download("film").first)
            try #require(try await self.rotations(source, in: lab) == [Self.rotation], "passed on as it is, with its word for it")
            try await self.requireUpright(source, (180, 320), in: lab)
            let rendition = try #require(try await server.download("film_120p200kbps").first)
            try #require(try await self.rotations(rendition, in: lab) == [])
            try await self.requireUpright(rendition, (68, 120), in: lab)

            try await server.stopPull("film")
            let vods = try await server.vods(of: "film", count: 3)
            try #require(Set(vods.compactMap { $0["vodName"].text }) == ["film.mp4", "film_120p200kbps.mp4", "film.webm"])
            let folder = server.data.appending(path: "streams")
            let file = folder.appending(path: "film.mp4")
            try #require(try await self.rotations(file, in: lab) == [Self.rotation])
            try await self.requireUpright(file, (180, 320), in: lab)
            try await self.requireUpright(folder.appending(path: "film_120p200kbps.mp4"), (68, 120), in: lab)
            try await self.requireUpright(folder.appending(path: "film.webm"), (180, 320), in: lab)
        }
    }
}
