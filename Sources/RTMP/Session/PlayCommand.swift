/// Somebody wants to watch. Unchecked but for lengths, as in `PublishCommand`.
public struct PlayCommand: Sendable, Equatable {
    /// Names this request in `playAccepted` and `playRefused`.
    public var request: Int
    public var path: StreamPath
    public var parameters: [QueryParameter]
    public var tcURL: String
    public var userAgent: String?
    /// FourCCs of enhanced RTMP the player says it understands; `*` for all. Empty for a player of H.264 and AAC.
    public var fourCCs: [String]

    /// The first value of a parameter.
    public subscript(parameter name: String) -> String? { self.parameters.first { $0.name == name }?.value }
}
