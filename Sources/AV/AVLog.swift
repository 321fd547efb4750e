import CFFmpeg
import Glibc
import Synchronization

/// Where FFmpeg's own messages go. Without a handler they go nowhere; never to the process's standard error.
public enum AVLog {
    /// FFmpeg's levels (libavutil/log.h); smaller is graver.
    public enum Level: Int32, Sendable, Comparable {
        case panic = 0
        case fatal = 8
        case error = 16
        case warning = 24
        case info = 32
        case verbose = 40
        case debug = 48

        public static func < (left: Level, right: Level) -> Bool { left.rawValue < right.rawValue }
    }

    /// One message: its level, the FFmpeg part that speaks (`mov,mp4,m4a,3gp,3g2,mj2`), the text without line end.
    public typealias Handler = @Sendable (_ level: Level, _ text: String) -> Void

    private struct State {
        var handler: Handler?
    }

    private static let state = Mutex(State())
    /// The threads on which FFmpeg just said that it could not resolve a name.
    private static let nameFailures = Mutex<Set<UInt>>([])
    private static let nameFailureText: StaticString = "Failed to resolve hostname"
    /// Read on every message FFmpeg considers, so it is kept apart from the lock.
    private static let threshold = Atomic<Int32>(Level.warning.rawValue)

    /// Replaces FFmpeg's log callback once per process; everything in this room that touches FFmpeg asks for it first.
    static let install: Void = {
        // No captures: C calls this on any thread.
        av_log_set_callback { context, level, format, arguments in AVLog.receive(context, level, format, arguments) }
    }()

    /// `handler` is called on whichever thread FFmpeg runs, and must not block. nil silences FFmpeg.
    public static func setHandler(_ handler: Handler?, level: Level = .warning) {
        Self.install
        Self.threshold.store(level.rawValue, ordering: .relaxed)
        Self.state.withLock { $0.handler = handler }
    }

    /// Whether FFmpeg could not resolve a name on this thread since the last call: its error code does not say so, its message does.
    @discardableResult
    static func forgetNameFailure() -> Bool {
        Self.nameFailures.withLock { $0.remove(UInt(pthread_self())) != nil }
    }

    /// `text` without what stands before the host in its URLs: FFmpeg names what it opens, user and password included.
    static func withoutCredentials(_ text: String) -> String {
        guard text.utf8.contains(UInt8(ascii: "@")) else { return text }
        var parts = text.split(separator: "://", omittingEmptySubsequences: false).map(String.init)
        for index in parts.indices.dropFirst() {
            let part = parts[index]
            let authority = part.prefix { !"/?# '\"".contains($0) }
            if let at = authority.lastIndex(of: "@") { parts[index] = "***" + part[at...] }
        }
        return parts.joined(separator: "://")
    }

    private static func receive(_ context: UnsafeMutableRawPointer?, _ level: Int32, _ format: UnsafePointer<CChar>?, _ arguments: CVaListPointer?) {
        // The low byte is the level; the rest may hold a colour.
        let plain = level & 0xff
        if plain == Level.error.rawValue, let format, strncmp(format, Self.nameFailureText.utf8Start, Self.nameFailureText.utf8CodeUnitCount) == 0 {
            _ = Self.nameFailures.withLock { $0.insert(UInt(pthread_self())) }
        }
        guard plain <= AVLog.threshold.load(ordering: .relaxed), let arguments, let handler = AVLog.state.withLock({ $0.handler }) else { return }
        var line = [CChar](repeating: 0, count: 1024)
        var printsPrefix: Int32 = 1
        let length = av_log_format_line2(context, plain, format, arguments, &line, Int32(line.count), &printsPrefix)
        guard length > 0 else { return }
        let bytes = line.prefix(min(Int(length), line.count - 1)).map { UInt8(bitPattern: $0) }
        var text = String(decoding: bytes, as: UTF8.self)
        while text.last?.isNewline == true { text.removeLast() }
        handler(Level(rounding: plain), Self.withoutCredentials(text))
    }
}

extension AVLog.Level {
    /// The level at or above `value`, so that an in-between value never loses gravity.
    init(rounding value: Int32) {
        let all: [AVLog.Level] = [.panic, .fatal, .error, .warning, .info, .verbose, .debug]
        self = all.last { $0.rawValue <= value } ?? .panic
    }
}
