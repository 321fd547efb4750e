import NIOCore
import RTMP

/// Why a URL cannot be an endpoint.
public enum DestinationURLError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Neither rtmp, rtmps nor srt.
    case unsupportedScheme
    case missingHost
    case invalidHost
    case invalidPort
    /// Nothing that could be a stream key.
    case missingKey
    /// Spaces, control characters, or text beyond ASCII that is not percent-encoded.
    case invalidCharacter
    case tooLong(limit: Int)
    /// A parameter of an `srt://` URL that nothing can be pushed with; what is wrong with it, without its value.
    case invalidParameter(String)

    public var description: String {
        switch self {
        case .unsupportedScheme: "the URL must begin with rtmp://, rtmps:// or srt://"
        case .missingHost: "the URL names no host"
        case .invalidHost: "the URL's host is neither a name nor an address"
        case .invalidPort: "the URL's port is not within 1...65535"
        case .missingKey: "the URL ends without a stream key"
        case .invalidCharacter: "the URL holds spaces, control characters or unencoded text"
        case .tooLong(let limit): "the URL is longer than \(limit) bytes"
        case .invalidParameter(let why): "the URL's parameters cannot be used: \(why)"
        }
    }
}

/// Where a destination pushes to over RTMP or RTMPS.
struct PushTarget: PushAddress {
    static let longestURL = 2048

    let url: RTMPURL

    var host: String { self.url.host }
    var port: Int { self.url.port }
    var isSecure: Bool { self.url.isTLS }

    var identity: String { "\(self.url.isTLS) \(self.url.host.lowercased()) \(self.url.port) \(self.url.app) \(self.url.key)" }

    var redactedURL: String {
        let host = self.url.host.contains(":") ? "[\(self.url.host)]" : self.url.host
        let app = self.url.app.split(separator: "?", maxSplits: 1).first.map { "/\($0)" } ?? ""
        return "\(self.url.isTLS ? "rtmps" : "rtmp")://\(host):\(self.url.port)\(app)/***"
    }

    /// The host is an address: nothing to look up, nothing SNI could name (RFC 6066 §3).
    var isLiteralAddress: Bool {
        do {
            _ = try SocketAddress(ipAddress: self.url.host, port: self.url.port)
            return true
        } catch {
            return false  // that is the answer: it does not parse as an address
        }
    }

    func makeTransport(_ attempt: PushAttempt) -> any PushTransport { RTMPPush(self, attempt) }

    static func parse(_ text: String) -> Result<PushTarget, DestinationURLError> {
        guard text.utf8.count <= Self.longestURL else { return .failure(.tooLong(limit: Self.longestURL)) }
        do throws(RTMPURL.Failure) {
            return .success(PushTarget(url: try RTMPURL(text)))
        } catch {
            return .failure(DestinationURLError(error))
        }
    }

    func redact(_ text: String) -> String { Redaction(self.secrets)(text) }

    /// The key as a whole, its name, and its parameters.
    private var secrets: [Substring] {
        var secrets = [self.url.key[...], self.url.key.prefix { $0 != "?" }]
        secrets += self.url.key.split { "?&=/".contains($0) }
        if let password = self.url.password { secrets.append(password[...]) }
        return secrets
    }
}

extension DestinationURLError {
    fileprivate init(_ failure: RTMPURL.Failure) {
        self =
            switch failure {
            case .unsupportedScheme: .unsupportedScheme
            case .missingHost: .missingHost
            case .invalidHost: .invalidHost
            case .invalidPort: .invalidPort
            case .missingKey: .missingKey
            case .invalidCharacter: .invalidCharacter
            case .tooLong(let limit): .tooLong(limit: limit)
            }
    }
}
