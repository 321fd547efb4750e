import Foundation
import Synchronization

/// What is published: made once per run with ffmpeg. Each second begins with a white flash of two frames and a beep, and the lowest ninth of each
/// picture is the frame's number in 16 black or white squares, lowest bit left.
enum Clip: String, CaseIterable {
    /// H.264 with B-frames and a keyframe each second, AAC. A few kilobytes a second: nothing for a processor.
    case light
    /// The same for three minutes, for who must not see where a clip begins again.
    case long
    /// The same without B-frames, as cameras send it.
    case plain
    /// The same with noise, about 12 Mb/s: more than sockets hold for a viewer who does not read.
    case heavy
    /// H.264 and MP3.
    case mp3
    case soundOnly
    case pictureOnly

    static let frameRate = 25
    /// Seconds of all but the long one.
    static let length = 60
    /// Their numbers begin at nought.
    static let pictures = length * frameRate

    func file() async throws -> URL { try await ClipShelf.shared.file(of: self) }

    fileprivate func arguments(to path: String) -> [String] {
        let length = self == .long ? 3 * Self.length : Self.length
        // Drawn small, because each point is computed, and enlarged without smoothing.
        let picture =
            "color=black:s=16x9:r=25:d=\(length),format=gray,geq=lum='if(gte(Y,8),if(mod(floor(N/pow(2,X)),2),235,16),if(lt(mod(N,25),2),235,16))'"
        let enlarged = picture + (self == .heavy ? ",scale=640:360:flags=neighbor,noise=alls=80:allf=t" : ",scale=320:180:flags=neighbor")
        let sound = "aevalsrc='if(lt(mod(t,1),0.08),0.8*sin(2*PI*1000*t),0)':s=48000:d=\(length)"
        var arguments: [String] = []
        if self != .soundOnly {
            arguments += ["-f", "lavfi", "-i", enlarged]
        }
        if self != .pictureOnly {
            arguments += ["-f", "lavfi", "-i", sound]
        }
        if self != .soundOnly {
            arguments += [
                "-c:v", "libx264", "-preset", self == .heavy ? "ultrafast" : "veryfast", "-bf", self == .plain ? "0" : "2", "-pix_fmt", "yuv420p",
            ]
            arguments += ["-b:v", self == .heavy ? "12M" : "300k", "-g", "25", "-keyint_min", "25", "-sc_threshold", "0"]
        }
        if self != .pictureOnly {
            // FLV takes MP3 at 44.1 kHz only.
            arguments += self == .mp3 ? ["-c:a", "libmp3lame", "-ar", "44100", "-b:a", "96k"] : ["-c:a", "aac", "-b:a", "96k"]
        }
        return arguments + ["-f", "flv", path]
    }
}

/// Makes each clip when it is first wanted, for all tests of the run.
private actor ClipShelf {
    static let shared = ClipShelf()

    private static let folder = FileManager.default.temporaryDirectory.appending(path: "martlet-clips-\(ProcessInfo.processInfo.processIdentifier)")
    private var made: [Clip: Task<URL, any Error>] = [:]

    func file(of clip: Clip) async throws -> URL {
        if let task = self.made[clip] { return try await task.value }
        if self.made.isEmpty {
            try FileManager.default.createDirectory(at: Self.folder, withIntermediateDirectories: true)
            atexit { removeClips() }
        }
        // Every test that wants the clip waits for it, so nobody cancels it.
        let task = Task {
            let path = Self.folder.appending(path: "\(clip.rawValue).flv")
            let child = try await Child.start(
                "make-\(clip.rawValue)", ["ffmpeg", "-nostdin", "-v", "error", "-y"] + clip.arguments(to: path.path),
                environment: ProcessInfo.processInfo.environment, directory: Self.folder)
            let exit = try await child.waitForExit(within: .seconds(180))
            guard exit == .code(0) else { throw NotMade(clip: clip, reason: try child.errors()) }
            return path
        }
        self.made[clip] = task
        return try await task.value
    }

    struct NotMade: Error {
        let clip: Clip
        let reason: String
    }

    fileprivate static func remove() throws { try FileManager.default.removeItem(at: self.folder) }
}

private func removeClips() {
    do { try ClipShelf.remove() } catch { FileHandle.standardError.write(Data("clips are left behind: \(error)\n".utf8)) }
}
