/// A server under test, in one of its settings.
enum ServerKind: Hashable, CustomStringConvertible {
    case nginx
    /// nginx without RTMP, giving out files.
    case web
    /// Hummingbird's hello world.
    case hello
    /// As many processes as there are pulls, each reading one source and writing nothing.
    case ffmpeg
    /// Martlet with `rtmp.mergeWindow` in milliseconds.
    case martlet(mergeWindow: Int)

    var description: String {
        switch self {
        case .nginx: "nginx-rtmp"
        case .web: "nginx"
        case .hello: "hummingbird"
        case .ffmpeg: "ffmpeg"
        case .martlet(let window): "martlet \(window) ms"
        }
    }

    /// As on the command line, without the merge window.
    var shortName: String {
        switch self {
        case .nginx, .web: "nginx"
        case .hello: "hummingb."
        case .ffmpeg: "ffmpeg"
        case .martlet: "martlet"
        }
    }

    init?(name: String) {
        if name == "nginx" {
            self = .nginx
        } else if name == "web" {
            self = .web
        } else if name == "hello" {
            self = .hello
        } else if name == "ffmpeg" {
            self = .ffmpeg
        } else if name.hasPrefix("martlet"), let window = name == "martlet" ? 30 : Int(name.dropFirst(7)), 0...350 ~= window {
            self = .martlet(mergeWindow: window)
        } else {
            return nil
        }
    }

    var isMartlet: Bool { if case .martlet = self { true } else { false } }
}
