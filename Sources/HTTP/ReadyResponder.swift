public import NIOCore

/// Answers requests without leaving the connection's event loop: playlists, segments, files and health.
///
/// Called for every request head before the asynchronous router, whatever the transport. It must not block and must not wait: what takes time is
/// given as `.later`. A request it answers may carry a body; that body is never read and the connection ends after the answer.
public protocol ReadyResponder: Sendable {
    /// nil: not mine, the router answers.
    func respond(to request: ReadyRequest, on eventLoop: any EventLoop) -> ReadyAnswer?
}

public enum ReadyAnswer: Sendable {
    case now(ReadyResponse)
    /// The connection answers nothing else until this is there, so it should be there within seconds. A failure becomes a 500. When the client
    /// goes away first, the result is dropped.
    case later(EventLoopFuture<ReadyResponse>)
}
