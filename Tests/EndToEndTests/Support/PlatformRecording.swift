import Foundation
import Testing

/// What somebody else's server has had of one publish: every packet, and what its pictures show.
struct PlatformRecording {
    /// Whose a picture is. A test's slate is red; clips are grey.
    enum Picture: Equatable {
        case stream
        case slate
    }

    /// Of each packet, in order, in seconds.
    let pictureTimes: [Double]
    let soundTimes: [Double]
    /// Runs of pictures of one kind, in order, with how many there are.
    let runs: [(kind: Picture, count: Int)]

    static func read(_ file: URL, in lab: Lab) async throws -> PlatformRecording {
        // All of it can be decoded.
        let errors = try await lab.run(
            "decode", ["ffmpeg", "-nostdin", "-v", "error", "-i", file.path, "-f", "null", "-"], within: .seconds(120)
        ).errors
        let complaints = errors.split(separator: "\n").filter { !$0.contains("non monotonically increasing dts to muxer") }
        try #require(complaints.isEmpty, "decoding \(file.path): \(complaints.prefix(5))")
        let packets = try await lab.run(
            "packets", ["ffprobe", "-v", "error", "-show_entries", "packet=codec_type,dts_time", "-of", "csv=p=0", file.path]
        ).output.split(separator: "\n").map { $0.split(separator: ",") }
        func times(_ kind: String) -> [Double] { packets.compactMap { $0.first == kind[...] && $0.count > 1 ? Double($0[1]) : nil } }
        let raw = lab.path("colours-\(UUID().uuidString).rgb")
        _ = try await lab.run(
            "colours",
            [
                "ffmpeg", "-nostdin", "-y", "-v", "error", "-i", file.path, "-map", "0:v:0", "-vf", "scale=1:1:flags=area,format=rgb24", "-fps_mode",
                "passthrough", "-f", "rawvideo", raw.path,
            ], within: .seconds(120))
        let pixels = [UInt8](try Data(contentsOf: raw))
        var runs: [(kind: Picture, count: Int)] = []
        for index in 0..<(pixels.count / 3) {
            let (red, green, blue) = (Int(pixels[index * 3]), Int(pixels[index * 3 + 1]), Int(pixels[index * 3 + 2]))
            let kind: Picture = red - max(green, blue) > 100 ? .slate : .stream
            if runs.last?.kind == kind { runs[runs.count - 1].count += 1 } else { runs.append((kind, 1)) }
        }
        return PlatformRecording(pictureTimes: times("video"), soundTimes: times("audio"), runs: runs)
    }

    /// No step back and no gap, of pictures and of sound, from the beginning to the end.
    func requireContinuous(pictures longestPicture: Double, sound longestSound: Double, sourceLocation: SourceLocation = #_sourceLocation) throws {
        for (what, times, longest) in [("picture", self.pictureTimes, longestPicture), ("sound", self.soundTimes, longestSound)] {
            try #require(times.count > 50, "\(times.count) packets of \(what)", sourceLocation: sourceLocation)
            let steps = zip(times, times.dropFirst()).map { ($0, $1 - $0) }
            for (time, step) in steps {
                try #require(step > 0 && step <= longest, "a \(what) comes \(step) s after the one at \(time)", sourceLocation: sourceLocation)
            }
            print("\(what)s: \(times.count), longest step \(steps.map(\.1).max() ?? 0) s")
        }
        let (pictures, sound) = (self.pictureTimes.last ?? 0, self.soundTimes.last ?? 0)
        try #require(abs(pictures - sound) < 0.5, "pictures until \(pictures) s, sound until \(sound) s", sourceLocation: sourceLocation)
    }
}

extension Lab {
    /// A red picture of 16:9.
    func makeSlate() async throws -> URL {
        let file = self.path("slate.png")
        _ = try await self.run(
            "make-slate", ["ffmpeg", "-nostdin", "-y", "-v", "error", "-f", "lavfi", "-i", "color=red:s=640x360", "-frames:v", "1", file.path])
        return file
    }
}
