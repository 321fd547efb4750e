/// Somebody wants to publish. Unchecked but for lengths (id at most 256 bytes, everything together at most 8 KiB and 64 parameters).
public struct PublishCommand: Sendable, Equatable {
    /// Names this request in `publishAccepted` and `publishRefused`.
    public var request: Int
    public var path: StreamPath
    public var parameters: [QueryParameter]
    /// `live`, `record` or `append` as asked; OBS and ffmpeg say `live`, some say the application's name.
    public var kind: String
    public var tcURL: String
    /// The client's `flashVer`, e.g. `FMLE/3.0 (compatible; Lavf59.27.100)`.
    public var userAgent: String?
    /// The message stream its media comes on.
    public var messageStreamID: UInt32

    /// The first value of a parameter.
    public subscript(parameter name: String) -> String? { self.parameters.first { $0.name == name }?.value }
}
