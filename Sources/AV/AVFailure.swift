import CFFmpeg
import Glibc

/// What FFmpeg or the operating system said when an operation did not work.
public struct AVFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// What a caller can act on; everything else is `library`.
    public enum Cause: Sendable, Equatable {
        /// Our own `Interrupt` was cancelled.
        case cancelled
        /// Our own deadline passed.
        case timedOut
        /// ENOSPC or EDQUOT.
        case noSpace
        case noSuchFile
        case permissionDenied
        /// The bytes are not what they claim to be.
        case invalidData
        /// Codec, format or option that this build of FFmpeg does not have or does not take.
        case unsupported
        case outOfMemory
        case library
    }

    /// What is known of a network peer beyond that, with `Cause.library`.
    public enum Peer: Sendable, Equatable {
        /// It wants credentials, or other ones (HTTP and RTSP 401, 403).
        case unauthorized
        /// It has nothing there (HTTP and RTSP 404).
        case notFound
        /// Nobody answers at that address.
        case refused
        /// The host's name has no address.
        case nameNotFound
        /// It went away, or its bytes ended where they should not.
        case ended
    }

    public var cause: Cause
    /// nil where no peer took part, and where it said nothing that one could act on.
    public var peer: Peer?
    /// What was being done, e.g. `open input`.
    public var operation: String
    /// FFmpeg's AVERROR: a negated errno or a tag. 0 where FFmpeg was not asked.
    public var code: Int32
    /// FFmpeg's or the system's words for it.
    public var text: String

    public init(cause: Cause, peer: Peer? = nil, operation: String, code: Int32 = 0, text: String) {
        self.cause = cause
        self.peer = peer
        self.operation = operation
        self.code = code
        self.text = text
    }

    /// From a negative FFmpeg result.
    init(_ operation: String, code: Int32) {
        self.init(cause: Self.cause(of: code), peer: Self.peer(of: code), operation: operation, code: code, text: Self.text(of: code))
    }

    /// From an `errno`.
    public static func system(_ operation: String, errno number: Int32) -> AVFailure {
        AVFailure(operation, code: shim_averror(number))
    }

    public var description: String { "\(self.operation): \(self.text) (\(self.code))" }

    private static func cause(of code: Int32) -> Cause {
        switch code {
        case shim_AVERROR_EXIT: .cancelled
        case shim_averror(ENOSPC), shim_averror(EDQUOT): .noSpace
        case shim_averror(ENOENT): .noSuchFile
        case shim_averror(EACCES), shim_averror(EPERM), shim_averror(EROFS): .permissionDenied
        case shim_averror(ENOMEM): .outOfMemory
        case shim_averror(ETIMEDOUT): .timedOut
        case shim_AVERROR_INVALIDDATA: .invalidData
        case shim_AVERROR_DEMUXER_NOT_FOUND, shim_AVERROR_MUXER_NOT_FOUND, shim_AVERROR_OPTION_NOT_FOUND, shim_AVERROR_PATCHWELCOME,
            shim_AVERROR_PROTOCOL_NOT_FOUND, shim_AVERROR_DECODER_NOT_FOUND, shim_AVERROR_ENCODER_NOT_FOUND, shim_averror(ENOSYS):
            .unsupported
        default: .library
        }
    }

    private static func peer(of code: Int32) -> Peer? {
        switch code {
        case shim_AVERROR_HTTP_UNAUTHORIZED, shim_AVERROR_HTTP_FORBIDDEN: .unauthorized
        case shim_AVERROR_HTTP_NOT_FOUND: .notFound
        case shim_averror(ECONNREFUSED), shim_averror(ENETUNREACH), shim_averror(EHOSTUNREACH), shim_averror(ENETDOWN), shim_averror(EHOSTDOWN):
            .refused
        case shim_AVERROR_EOF, shim_averror(ECONNRESET), shim_averror(EPIPE), shim_averror(ENOTCONN), shim_averror(ECONNABORTED): .ended
        default: nil
        }
    }

    private static func text(of code: Int32) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
            guard let start = buffer.baseAddress else { return "error \(code)" }
            buffer.initialize(repeating: 0)
            // A negative answer still leaves a generic text in the buffer.
            _ = av_strerror(code, start, buffer.count)
            return String(cString: start)
        }
    }
}
