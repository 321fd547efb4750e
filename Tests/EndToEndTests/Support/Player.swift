import Foundation
import Testing

/// Players: ffmpeg that copies what it is given to a file, and ffprobe.
extension Lab {
    /// Begins to copy `seconds` of a stream to a Matroska file, which takes every codec and rounds times to milliseconds only; or to an FLV file by its
    /// name, because ffmpeg's Matroska files break when a codec's configuration comes a second time.
    func startCopying(_ url: String, seconds: Double? = nil, to file: URL, options: [String] = []) async throws -> Child {
        let length = seconds.map { ["-t", "\($0)"] } ?? []
        return try await self.start(
            "player",
            ["ffmpeg", "-nostdin", "-y", "-loglevel", "level+warning"] + options + ["-i", url] + length
                + [
                    "-map", "0:v?", "-map", "0:a?", "-c", "copy", "-f", file.pathExtension == "flv" ? "flv" : "matroska", "-flush_packets", "1",
                    file.path,
                ])
    }

    /// Copies `seconds` of a live stream and gives the file.
    func copy(_ url: String, seconds: Double, options: [String] = []) async throws -> URL {
        let file = self.path("copy-\(UUID().uuidString).mkv")
        let child = try await self.startCopying(url, seconds: seconds, to: file, options: options)
        let exit = try await child.waitForExit(within: .seconds(seconds + 120))
        try #require(exit == .code(0), "playing \(url): \(child.lastWords)")
        return file
    }

    /// Streams and format as ffprobe tells them.
    func probe(_ source: String) async throws -> JSON {
        let output = try await self.run(
            "ffprobe", ["ffprobe", "-v", "error", "-print_format", "json", "-show_streams", "-show_format", source]
        ).output
        return try JSON(Data(output.utf8))
    }

    /// `h264 320x180` and `aac 48000`, in order of the alphabet.
    func codecs(of source: String) async throws -> [String] {
        try await self.probe(source)["streams"].items.map { stream in
            let codec = stream["codec_name"].text ?? "?"
            guard let width = stream["width"].number, let height = stream["height"].number else {
                return "\(codec) \(stream["sample_rate"].text ?? "?")"
            }
            return "\(codec) \(Int(width))x\(Int(height))"
        }.sorted()
    }
}
