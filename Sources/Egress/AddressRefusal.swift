/// Why something may not be fetched.
public enum AddressRefusal: Error, Sendable, Equatable {
    case schemeNotAllowed(String)
    /// Not a URL of ours: no host, a control character, a port outside 1–65535, longer than `SourceAddress.longest` bytes.
    case invalidURL
    /// The address, as text: this host itself, its link, or something that cannot be fetched from.
    case addressNotAllowed(String)
    /// The host.
    case nameNotFound(String)
}

extension AddressRefusal: CustomStringConvertible {
    public var description: String {
        switch self {
        case .schemeNotAllowed(let scheme): "addresses that begin with \(scheme): are not fetched"
        case .invalidURL: "not a valid URL"
        case .addressNotAllowed(let address): "\(address) may not be contacted"
        case .nameNotFound(let host): "no address found for \(host)"
        }
    }
}
