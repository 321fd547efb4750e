import NIOCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// What kind of trouble a destination has, for programs; the words beside it are for people.
public enum DestinationErrorClass: String, Sendable, CaseIterable {
    /// The peer said no to the connect or the publish: a wrong or expired key, or a session it still holds.
    case refusedKey
    case nameResolution
    /// It could not be reached, or the connection broke or was closed.
    case connection
    case tls
    /// Nothing came of a connect or a publish within its time.
    case timeout
    /// Connected, but nothing that is sent is acknowledged.
    case stalled
    /// The peer speaks something else, or wrongly.
    case protocolError = "protocol"
    /// The stream holds what the protocol cannot carry.
    case codec
    /// The URL is none that can be pushed to.
    case url
    /// This server has a session to the URL already, for another destination or an earlier one, and two at once nobody wants.
    case urlInUse
}

/// Why an attempt to push ended before it should.
enum DestinationFailure: Error, Sendable, Equatable {
    /// What is stored as an endpoint but cannot be pushed to.
    case unusableURL(String)
    case nameNotFound(String)
    /// TCP or SRT; what the library said.
    case connectFailed(String)
    case tlsFailed(String)
    case connectTimedOut
    case publishTimedOut
    /// The peer said no to the connect or the publish: a wrong or expired key, or a session it still holds.
    case refused(String)
    /// The peer ended a running push and said why.
    case ended(String)
    case closedByPeer
    /// The peer has acknowledged nothing for `Timing.stall`.
    case stalled
    /// Bytes that are not the protocol's, or an exchange that it does not know.
    case protocolViolated(String)
    case writeFailed(String)
    /// The stream has tracks that cannot be sent this way; others it may have later might be.
    case unsupportedCodec(String)
    /// Not tried before another session of this process has ended.
    case urlInUse

    /// What `error` says, without the words NIO puts round the system's.
    static func describe(_ error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        return String(cString: strerror(error.errnoCode))
    }

    /// Tried again slowly: the answer will hardly change within seconds.
    var isRefusal: Bool { self.kind == .refusedKey }

    /// Another attempt would come to the same, as long as the stream is what it is.
    var isFinal: Bool { self.kind == .codec }

    var kind: DestinationErrorClass {
        switch self {
        case .unusableURL: .url
        case .urlInUse: .urlInUse
        case .unsupportedCodec: .codec
        case .nameNotFound: .nameResolution
        case .connectFailed, .ended, .closedByPeer, .writeFailed: .connection
        case .tlsFailed: .tls
        case .connectTimedOut, .publishTimedOut: .timeout
        case .refused: .refusedKey
        case .stalled: .stalled
        case .protocolViolated: .protocolError
        }
    }

    /// For the status and the log.
    var text: String {
        switch self {
        case .unusableURL(let why), .unsupportedCodec(let why): why
        case .nameNotFound(let why): "cannot connect: \(why)"
        case .connectFailed(let why): "cannot connect: \(why)"
        case .tlsFailed(let why): "cannot connect: TLS: \(why)"
        case .connectTimedOut: "cannot connect: timed out"
        case .publishTimedOut: "the server did not answer the publish in time"
        case .refused(let why): "refused by the server: \(why)"
        case .ended(let why): "ended by the server: \(why)"
        case .closedByPeer: "the server closed the connection"
        case .stalled: "stalled: the server acknowledges no data"
        case .urlInUse: "waits until an earlier or another session to the same URL has ended"
        case .protocolViolated(let why): "the server does not speak the protocol as it should: \(why)"
        case .writeFailed(let why): "the connection broke: \(why)"
        }
    }
}
