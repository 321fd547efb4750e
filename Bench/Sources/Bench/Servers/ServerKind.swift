/// A server under test, in one of its settings.
enum ServerKind: Hashable, CustomStringConvertible {
    case nginx
    /// Martlet with `rtmp.mergeWindow` in milliseconds.
    case martlet(mergeWindow: Int)

    var description: String {
        switch self {
        case .nginx: "nginx-rtmp"
        case .martlet(let window): "martlet \(window) ms"
        }
    }

    init?(name: String) {
        if name == "nginx" {
            self = .nginx
        } else if name.hasPrefix("martlet"), let window = name == "martlet" ? 30 : Int(name.dropFirst(7)), 0...350 ~= window {
            self = .martlet(mergeWindow: window)
        } else {
            return nil
        }
    }

    var isMartlet: Bool { self != .nginx }
}
