import Foundation
import Testing

/// Sources as they are met with. Field notes, rows 20, 22 and 23.
@Suite struct OddSourceTests {
    /// Two transport streams, one behind the other, whose clocks are an hour apart: as files, and as they arrive.
    @Test(arguments: [true, false]) func aClockThatJumpsByAnHourIsNotSeen(isFile: Bool) async throws {
        try await Lab.run { lab in
            let store = try await FilmStore.open(in: lab)
            // The later one comes first: back by an hour, which nobody can take for a pause. Long enough for a copy of 14 s that begins within the first
            // ten to have the joint, and not the end.
            let films = [Film(first: 1000, seconds: 12, options: ["-output_ts_offset", "3600"]), Film(first: 2000, seconds: 12)]
            var whole = Data()
            for (index, film) in films.enumerated() {
                try await store.add(film, as: "part\(index).ts")
                whole += try Data(contentsOf: store.file("part\(index).ts"))
            }
            try whole.write(to: store.file("film.ts"))
            let server = try await MartletProcess.startForPulls(in: lab)
            // What comes as fast as it would in real time is not paced.
            let rate = whole.count / 24
            let url = isFile ? store.server.url("film.ts") : store.server.url("norange/rate=\(rate)/film.ts")
            try await server.create("odd", isFile ? "VoD" : "streamSource", ["streamUrl": url])
            try await server.startPull("odd")
            try await server.waitUntilLive("odd")
            let media = try await DecodedMedia.decode(try await lab.copy(server.rtmpURL("odd"), seconds: 14).path, in: lab)
            let pictures = media.pictures.dropLast(4)
            try #require(pictures.contains { $0.number < 2000 } && pictures.contains { $0.number >= 2000 })
            try #require((300...360).contains(pictures.count), "\(pictures.count) pictures")
            for (one, next) in zip(pictures, pictures.dropFirst()) {
                try #require(next.number == one.number + 1 || one.number == 1299 && next.number == 2000, "\(one.number), \(next.number)")
                let step = next.time - one.time
                try #require(step > 0 && step < 0.2, "\(next.number) after \(step) s")
            }
            try media.requireSync(atLeast: 10)
        }
    }

    /// From one size to another in the middle of a transport stream.
    @Test func pictureParametersThatChangeAreFollowed() async throws {
        try await Lab.run { lab in
            let store = try await FilmStore.open(in: lab)
            let films = [Film(first: 1000, seconds: 4), Film(first: 2000, seconds: 4, size: "480:270", options: ["-output_ts_offset", "4"])]
            var whole = Data()
            for (index, film) in films.enumerated() {
                try await store.add(film, as: "part\(index).ts")
                whole += try Data(contentsOf: store.file("part\(index).ts"))
            }
            try whole.write(to: store.file("film.ts"))
            let settings = ["MARTLET_HLS_MODE": "always", "MARTLET_HLS_LIST_SIZE": "100", "MARTLET_HLS_SEGMENT_DURATION": "1s"]
            let server = try await MartletProcess.startForPulls(in: lab, settings: settings)
            try await server.createPlaylist("odd", [store.server.url("film.ts")], loops: false)
            try await server.startPull("odd")
            try await server.waitUntilLive("odd")
            try await server.waitUntil("odd", is: "finished")
            let parts = try await server.download("odd")
            try #require(parts.count == 2, "\(parts.count) parts")
            for (part, size) in zip(parts, ["h264 320x180", "h264 480x270"]) {
                try #require(try await lab.codecs(of: part.path) == ["aac 48000", size])
            }
            var numbers: [Int] = []
            for part in parts { numbers += try await DecodedMedia.decode(part.path, in: lab).pictures.map(\.number) }
            // What a decoder would need the lost reference pictures for may be missing at the seam, and nothing else.
            try #require(numbers.first == 1000 && numbers.last == 2099 && numbers.count >= 198, "\(numbers)")
        }
    }

    /// B-frames make the first pictures be decoded before the clock begins.
    @Test func timesBelowZeroKeepTheirDistance() async throws {
        try await Lab.run { lab in
            let store = try await FilmStore.open(in: lab)
            let film = Film(first: 1000, seconds: 5, options: ["-bf", "3", "-b_strategy", "0"])
            let file = try await store.add(film, as: "film.mp4")
            let packets = try await lab.run(
                "ffprobe",
                ["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "packet=dts_time", "-of", "csv=p=0", store.file("film.mp4").path])
            try #require(packets.output.split(separator: "\n").contains { $0.hasPrefix("-") }, "\(packets.output.prefix(100))")
            let server = try await MartletProcess.startForPulls(in: lab)
            try await server.create("odd", "VoD", ["streamUrl": file])
            try await server.startPull("odd")
            try await server.waitUntilLive("odd")
            let media = try await DecodedMedia.decode(try await lab.copy(server.playlistURL("odd"), seconds: 7).path, in: lab)
            try media.requireFilms([film.numbers], joints: 1)
            try media.requireSync(atLeast: 4)
        }
    }

    @Test func filmsWithoutSoundGoOnAmongOthers() async throws {
        try await Lab.run { lab in
            let store = try await FilmStore.open(in: lab)
            let films = [Film(first: 1000, seconds: 4), Film(first: 2000, seconds: 4, hasSound: false), Film(first: 3000, seconds: 4)]
            var urls: [String] = []
            for (index, film) in films.enumerated() { urls.append(try await store.add(film, as: "film\(index).mp4")) }
            let server = try await MartletProcess.startForPulls(in: lab)
            try await server.create("silent", "VoD", ["streamUrl": urls[1]])
            try await server.startPull("silent")
            try await server.waitUntilLive("silent")
            try #require(try await lab.codecs(of: server.playlistURL("silent")) == ["h264 320x180"])
            try await server.createPlaylist("mixed", urls, loops: true)
            try await server.startPull("mixed")
            try await server.waitUntilLive("mixed")
            let silent = try await DecodedMedia.decode(try await lab.copy(server.playlistURL("silent"), seconds: 5).path, hasSound: false, in: lab)
            try silent.requireFilms([films[1].numbers], joints: 1)
            // The stream keeps its sound, which is silence meanwhile.
            let media = try await DecodedMedia.decode(try await lab.copy(server.rtmpURL("mixed"), seconds: 12).path, in: lab)
            try media.requireFilms(films.map(\.numbers), joints: 2)
            try #require(abs(media.soundLength - media.length) < 0.4, "\(media.soundLength) s of sound, \(media.length) s of pictures")
        }
    }
}
