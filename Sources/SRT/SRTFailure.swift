import CSRT

/// What libsrt said when something did not work.
public struct SRTFailure: Error, Sendable, Equatable, CustomStringConvertible {
    public enum Cause: Sendable, Equatable {
        /// The peer, or libsrt for it, turned the connection away.
        case rejected(SRTRejection)
        case timedOut
        /// It broke, or nothing was heard of the peer for too long.
        case connectionLost
        /// The caller did not want to wait any longer.
        case cancelled
        /// A parameter that libsrt does not take.
        case invalidParameter
        case library
    }

    public var cause: Cause
    /// What was being done, e.g. `connect`.
    public var operation: String
    /// libsrt's number (`SRT_ERRNO`); 0 where it was not asked.
    public var code: Int32
    public var text: String

    public init(cause: Cause, operation: String, code: Int32 = 0, text: String) {
        self.cause = cause
        self.operation = operation
        self.code = code
        self.text = text
    }

    public var description: String { "\(self.operation): \(self.text)" }

    /// The calling thread's last error.
    static func last(_ operation: String) -> SRTFailure {
        var system: Int32 = 0
        let code = srt_getlasterror(&system)
        let cause: Cause =
            switch code {
            case SRT_ECONNLOST.rawValue, SRT_ENOCONN.rawValue, SRT_EINVSOCK.rawValue: .connectionLost
            case SRT_ETIMEOUT.rawValue, SRT_ENOSERVER.rawValue: .timedOut
            case SRT_EINVPARAM.rawValue, SRT_EINVOP.rawValue: .invalidParameter
            default: .library
            }
        return SRTFailure(cause: cause, operation: operation, code: code, text: String(cString: srt_strerror(code, system)))
    }
}
