import CSRT
import Synchronization

/// libsrt as a whole: started once for the process, and never shut down, because libavformat uses the same one.
public enum SRTLibrary {
    /// Of the library that is linked, e.g. `1.5.1`.
    public static var version: String {
        let number = srt_getversion()
        return "\(number >> 16 & 0xFF).\(number >> 8 & 0xFF).\(number & 0xFF)"
    }

    /// A function must not stand in a generic box by itself: every access would convert it there and back, and wrap it once more each time.
    private struct Log {
        var handler: (@Sendable (String) -> Void)?
    }

    private static let log = Mutex(Log())

    /// What the library has to complain about, from now on, on its own threads; must not block. Without a handler it is not kept.
    public static func setLogHandler(_ handler: (@Sendable (String) -> Void)?) {
        _ = self.isStarted
        self.log.withLock { $0.handler = handler }
    }

    static let isStarted: Bool = {
        guard srt_startup() >= 0 else { return false }
        // LOG_ERR of syslog(3); peers that come and go are no errors.
        srt_setloglevel(3)
        srt_setloghandler(nil, Self.hook)
        return true
    }()

    static func start() throws(SRTFailure) {
        guard self.isStarted else { throw SRTFailure(cause: .library, operation: "start libsrt", text: "it does not start") }
    }

    // A C callback: no captures.
    private static let hook:
        @convention(c) (UnsafeMutableRawPointer?, Int32, UnsafePointer<CChar>?, Int32, UnsafePointer<CChar>?, UnsafePointer<CChar>?) -> Void = {
            _, _, _, _, _, message in
            if let message { SRTLibrary.received(message) }
        }

    static func received(_ message: UnsafePointer<CChar>) {
        guard let handler = self.log.withLock({ $0.handler }) else { return }
        handler(String(cString: message))
    }
}
