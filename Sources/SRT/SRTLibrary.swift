import CSRT
import Synchronization

/// libsrt as a whole: started once for the process, and never shut down, because libavformat uses the same one.
public enum SRTLibrary {
    /// Of the library that is linked, e.g. `1.5.1`.
    public static var version: String {
        let number = srt_getversion()
        return "\(number >> 16 & 0xFF).\(number >> 8 & 0xFF).\(number & 0xFF)"
    }

    private static let logHandler = Mutex<(@Sendable (String) -> Void)?>(nil)

    /// What the library has to complain about, from now on, on its own threads; must not block. Without a handler it is not kept.
    public static func setLogHandler(_ handler: (@Sendable (String) -> Void)?) {
        _ = self.isStarted
        self.logHandler.withLock { $0 = handler }
    }

    static let isStarted: Bool = {
        guard srt_startup() >= 0 else { return false }
        // LOG_ERR of syslog(3); peers that come and go are no errors.
        srt_setloglevel(3)
        srt_setloghandler(nil, Self.received)
        return true
    }()

    static func start() throws(SRTFailure) {
        guard self.isStarted else { throw SRTFailure(cause: .library, operation: "start libsrt", text: "it does not start") }
    }

    // A C callback: no captures.
    private static let received:
        @convention(c) (UnsafeMutableRawPointer?, Int32, UnsafePointer<CChar>?, Int32, UnsafePointer<CChar>?, UnsafePointer<CChar>?) -> Void = {
            _, _, _, _, _, message in
            guard let message, let handler = SRTLibrary.logHandler.withLock({ $0 }) else { return }
            handler(String(cString: message))
        }
}
