import Glibc

/// Why a measurement could not be made.
enum LoadFailure: Error, CustomStringConvertible {
    case system(call: String, code: Int32)
    /// The server did not let a client publish or play, or closed its connection.
    case refused(String)
    /// Bytes from the server that are no chunk stream, or a clip that is no FLV file.
    case malformed(String)
    case timedOut(String)
    /// A server that did not start or ended by itself.
    case server(String)
    case usage(String)
    /// SIGINT or SIGTERM.
    case interrupted

    /// The failure of the system call that has just been made.
    static func lastError(of call: String) -> LoadFailure { .system(call: call, code: errno) }

    var description: String {
        switch self {
        case .system(let call, let code): "\(call): \(String(cString: strerror(code)))"
        case .refused(let what): "refused: \(what)"
        case .malformed(let what): "malformed: \(what)"
        case .timedOut(let what): "timed out: \(what)"
        case .server(let what), .usage(let what): what
        case .interrupted: "interrupted"
        }
    }
}
