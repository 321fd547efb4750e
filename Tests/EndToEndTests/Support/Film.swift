import Foundation

/// A short film as it lies on somebody's server: marked as the clips are, but with numbers of its own, so that it is known again among others.
struct Film {
    enum Video: String { case h264 = "libx264", hevc = "libx265" }

    /// The number of its first picture; one of 25 a second.
    var first: Int
    var seconds: Int
    var video = Video.h264
    var size = "320:180"
    var hasSound = true
    /// More of ffmpeg's output options.
    var options: [String] = []

    /// The numbers of its pictures.
    var numbers: Range<Int> { self.first..<(self.first + self.seconds * Clip.frameRate) }

    fileprivate func arguments(to path: String) -> [String] {
        let lum = "if(gte(Y,8),if(mod(floor((N+\(self.first))/pow(2,X)),2),235,16),if(lt(mod(N,25),2),235,16))"
        let picture = "color=black:s=16x9:r=25:d=\(self.seconds),format=gray,geq=lum='\(lum)',scale=\(self.size):flags=neighbor"
        var arguments = ["-f", "lavfi", "-i", picture]
        if self.hasSound {
            let sound = "aevalsrc='if(lt(mod(t,1),0.08),0.8*sin(2*PI*1000*t),0)':s=48000:d=\(self.seconds)"
            arguments += ["-f", "lavfi", "-i", sound, "-c:a", "aac", "-b:a", "96k"]
        }
        arguments += ["-c:v", self.video.rawValue, "-preset", self.video == .hevc ? "ultrafast" : "veryfast", "-pix_fmt", "yuv420p", "-b:v", "300k"]
        arguments += ["-bf", "2", "-g", "25", "-keyint_min", "25", "-sc_threshold", "0"]
        if self.video == .hevc { arguments += ["-x265-params", "log-level=none:keyint=25:min-keyint=25:scenecut=0", "-tag:v", "hvc1"] }
        return arguments + self.options + [path]
    }
}

/// A folder of films, and the HTTP server of it.
struct FilmStore {
    let lab: Lab
    let folder: URL
    let server: FileServer

    static func open(in lab: Lab) async throws -> FilmStore {
        let folder = lab.path("films")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return FilmStore(lab: lab, folder: folder, server: try await FileServer.start(in: lab, folder: folder))
    }

    /// Makes it, in the container that the name says, and gives its address.
    @discardableResult
    func add(_ film: Film, as name: String) async throws -> String {
        try await self.lab.film(film, at: self.folder.appending(path: name))
        return self.server.url(name)
    }

    func file(_ name: String) -> URL { self.folder.appending(path: name) }
}

extension Lab {
    @discardableResult
    func film(_ film: Film, at file: URL) async throws -> URL {
        try await self.run("ffmpeg", ["ffmpeg", "-nostdin", "-v", "error", "-y"] + film.arguments(to: file.path))
        return file
    }
}
