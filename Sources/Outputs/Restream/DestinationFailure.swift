import NIOCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// Why an attempt to push ended before it should.
enum DestinationFailure: Error, Sendable, Equatable {
    /// Name lookup, TCP or TLS; what the library said.
    case connectFailed(String)
    case connectTimedOut
    case publishTimedOut
    /// The peer said no to the connect or the publish: a wrong or expired key, or a session it still holds.
    case refused(String)
    /// The peer ended a running push and said why.
    case ended(String)
    case closedByPeer
    /// The peer took nothing for `Timing.stall`.
    case stalled
    /// Bytes that are not RTMP, or an exchange that RTMP does not know.
    case protocolViolated(String)
    case writeFailed(String)

    /// What `error` says, without the words NIO puts round the system's.
    static func describe(_ error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        return String(cString: strerror(error.errnoCode))
    }

    /// Tried again slowly: the answer will hardly change within seconds.
    var isRefusal: Bool {
        if case .refused = self { true } else { false }
    }

    /// For the status and the log.
    var text: String {
        switch self {
        case .connectFailed(let why): "cannot connect: \(why)"
        case .connectTimedOut: "cannot connect: timed out"
        case .publishTimedOut: "the server did not answer the publish in time"
        case .refused(let why): "refused by the server: \(why)"
        case .ended(let why): "ended by the server: \(why)"
        case .closedByPeer: "the server closed the connection"
        case .stalled: "stalled: the server took no data"
        case .protocolViolated(let why): "the server does not speak RTMP as it should: \(why)"
        case .writeFailed(let why): "the connection broke: \(why)"
        }
    }
}
