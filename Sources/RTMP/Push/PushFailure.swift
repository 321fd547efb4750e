/// Why a push ended, sorted by what to do about it.
public enum PushFailure: Error, Sendable, Equatable {
    /// The server does not want this application: trying again will not help soon.
    case refusedConnect(code: String, description: String)
    /// The server does not want this key, or somebody else is on it.
    case refusedKey(code: String, description: String)
    /// The server ended a running push and said so.
    case ended(code: String, description: String)
    /// What came back is not RTMP.
    case protocolError(RTMPError)
    /// No answer within the time for it.
    case timedOut(Step)
    case closedByPeer

    public enum Step: String, Sendable { case handshake, connect, createStream, publish }
}
