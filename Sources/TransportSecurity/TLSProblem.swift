/// Why a certificate and its key cannot be used. The texts are for the operator.
public enum TLSProblem: Error, Equatable, CustomStringConvertible {
    case certificateUnreadable(path: String, reason: String)
    case keyUnreadable(path: String, reason: String)
    /// Each can be read, but they do not belong together, or the library refuses them.
    case pairRefused(reason: String)
    /// A file that is there already is not overwritten.
    case unwritable(path: String, reason: String)
    /// OpenSSL could not make one.
    case generationFailed

    public var description: String {
        switch self {
        case .certificateUnreadable(let path, let reason): "The certificate \(path) cannot be used: \(reason)"
        case .keyUnreadable(let path, let reason): "The private key \(path) cannot be used: \(reason)"
        case .pairRefused(let reason): "The certificate and the private key cannot be used together: \(reason)"
        case .unwritable(let path, let reason): "\(path) cannot be written: \(reason)"
        case .generationFailed: "The certificate could not be made."
        }
    }
}
