import Media
import NIOCore
import Streams

/// What the connection of one attempt tells its driver, on the driver's event loop.
enum PushEvent {
    /// The peer is reached; its answer to the publish is waited for.
    case connected
    /// From here on `send` may be called.
    case accepted
    /// The protocol's own count of bytes that the peer has received, modulo 2^32, where it has one.
    case acknowledged(UInt32)
    /// So many of the bytes that `send` made have left this process.
    case wrote(Int)
    /// The session cannot go on; the connection is still there.
    case failed(DestinationFailure)
    /// The connection is gone, asked for or not. Exactly once, and last.
    case closed(DestinationFailure)
}

/// One attempt to push by some protocol: from the name lookup to the last byte, and the stream in the protocol's words. Made by a `PushAddress`, owned
/// by `DestinationDriver`, confined to its event loop.
///
/// Whatever happens, `closed` is reported exactly once, last, when nothing is open any more; the URL's lease is given back then and not before.
protocol PushTransport: AnyObject {
    var attempt: UInt64 { get }

    func open()

    /// Sends what the stream gave, in order. How many bytes that makes; each of them is reported by `wrote`, unless the connection ends before.
    func send(_ items: [StreamItem]) -> Int

    /// Says goodbye, then closes once it is sent.
    func finish()

    /// Closes at once, whatever is unsent, in a way that the peer notices too.
    func abort()

    /// What the peer has acknowledged by now; nil where that cannot be told, and what has left the process must do instead.
    func delivery() -> Delivery?
}

/// What a transport is made with.
struct PushAttempt {
    /// Counts up from 1 for each destination.
    let number: UInt64
    /// What the stream consists of now.
    let tracks: [Track]
    let network: DestinationNetwork
    let eventLoop: any EventLoop
    let connectTimeout: TimeAmount
    /// To be released when nothing is open any more.
    let lease: DestinationURLRegistry.Lease
    let report: (PushEvent) -> Void
}

/// Where a destination pushes to, over some protocol, and what of it may be shown.
protocol PushAddress: Sendable {
    /// Equal for URLs that lead to the same session.
    var identity: String { get }
    /// For logs: without key, user and password.
    var redactedURL: String { get }
    /// What a peer or a library said, fit for the log and the status: no secret of the URL, no control characters, not long.
    func redact(_ text: String) -> String
    func makeTransport(_ attempt: PushAttempt) -> any PushTransport
}

/// Tells by its scheme which protocol a URL is of.
enum PushURL {
    static func parse(_ text: String) -> Result<any PushAddress, DestinationURLError> {
        if text.lowercased().hasPrefix("srt://") { return SRTTarget.parse(text).map { $0 as any PushAddress } }
        return PushTarget.parse(text).map { $0 as any PushAddress }
    }
}
