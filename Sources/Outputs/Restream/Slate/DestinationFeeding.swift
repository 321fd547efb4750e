/// What a destination is sent.
public enum DestinationFeeding: String, Sendable, CaseIterable {
    /// The stream it belongs to.
    case source
    /// Nothing: the stream is away, and nothing stands in for it.
    case held
    case slate
    /// Another stream of this server.
    case backup
}
