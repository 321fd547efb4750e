import AV
import Logging
import NIOCore
import Synchronization

/// Puts what FFmpeg's libraries say into the log: without what URLs in it give away, and not more than a few lines at a time, for they say the same
/// of every packet of a broken file.
final class LibavLog: Sendable {
    /// Lines a window; what is beyond is counted and told with the first line of a later one.
    static let most = 10
    static let window = TimeAmount.seconds(10)

    private struct State {
        var windowStart: NIODeadline?
        var lines = 0
        var suppressed = 0
    }

    private let logger: Logger
    private let state = Mutex(State())

    init(_ logger: Logger) {
        self.logger = logger
    }

    func received(_ level: AVLog.Level, _ text: String, now: NIODeadline) {
        let suppressed: Int? = self.state.withLock { state in
            if state.windowStart.map({ now - $0 >= Self.window }) ?? true {
                state.windowStart = now
                state.lines = 0
            }
            guard state.lines < Self.most else {
                state.suppressed += 1
                return nil
            }
            state.lines += 1
            defer { state.suppressed = 0 }
            return state.suppressed
        }
        guard let suppressed else { return }
        var metadata: Logger.Metadata = ["text": "\(Self.redacted(text))"]
        if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
        self.logger.log(level: level <= .error ? .warning : .debug, "libav", metadata: metadata)
    }

    /// Without the credentials and the query of every URL in it.
    static func redacted(_ text: String) -> String {
        var result = ""
        var rest = Substring(text)
        while let scheme = rest.firstRange(of: "://") {
            result += rest[..<scheme.upperBound]
            rest = rest[scheme.upperBound...]
            let end = rest.firstIndex { $0.isWhitespace || $0 == "'" || $0 == "\"" || $0 == "<" || $0 == ">" } ?? rest.endIndex
            var url = rest[..<end]
            // A password may hold a slash or a question mark that should have been encoded, so the last @ counts.
            if let at = url.lastIndex(of: "@") {
                result += "***"
                url = url[at...]
            }
            if let query = url.firstIndex(of: "?") {
                result += url[...query] + "***"
            } else {
                result += url
            }
            rest = rest[end...]
        }
        return result + rest
    }
}
