public import Logging
public import NIOSSL
import Synchronization

/// The server's certificate chain and key, read from files, and read again when these change.
///
/// Connections keep the certificate they began with. A new pair that is of no use is logged and the old one stays, as happens for a moment
/// whenever the two files are not replaced at once.
public final class TLSCertificates: Sendable {
    public struct Configuration: Sendable, Equatable {
        /// PEM: the server's certificate first, then those that lead to the root.
        public var certificatePath: String
        /// PEM, not encrypted.
        public var keyPath: String

        public init(certificatePath: String, keyPath: String) {
            self.certificatePath = certificatePath
            self.keyPath = keyPath
        }
    }

    private struct State {
        var pair: CertificatePair
        /// Of what was tried last, usable or not, so that a bad pair is told of once.
        var stamp: FileStamps
        /// By the protocols offered.
        var contexts: [[String]: NIOSSLContext]
    }

    public let configuration: Configuration
    private let logger: Logger
    private let state: Mutex<State>

    /// Reads the files, so that a mistake shows at start.
    public init(configuration: Configuration, logger: Logger) throws(TLSProblem) {
        let stamp = FileStamps(configuration)
        let pair = try CertificatePair(configuration)
        self.configuration = configuration
        self.logger = logger
        self.state = Mutex(State(pair: pair, stamp: stamp, contexts: [:]))
    }

    /// A handler for one accepted connection; it stands at the socket. Offers `applicationProtocols` by ALPN, the preferred one first: for HTTP
    /// `["h2", "http/1.1"]`, for RTMP none.
    public func makeHandler(applicationProtocols: [String]) throws -> NIOSSLServerHandler {
        NIOSSLServerHandler(context: try self.context(applicationProtocols: applicationProtocols))
    }

    func context(applicationProtocols: [String]) throws(TLSProblem) -> NIOSSLContext {
        // Made under the lock: this happens once for each door and certificate, and two connections must not both do it.
        let result: Result<NIOSSLContext, TLSProblem> = self.state.withLock { state in
            if let context = state.contexts[applicationProtocols] { return .success(context) }
            do throws(TLSProblem) {
                let context = try state.pair.makeContext(applicationProtocols: applicationProtocols)
                state.contexts[applicationProtocols] = context
                return .success(context)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    public enum Reload: Equatable, Sendable {
        case unchanged
        case reloaded
        case refused(TLSProblem)
    }

    /// Looks at the files, and takes what is new in them. Reads files, so it is not for an event loop; a look at unchanged files takes microseconds.
    @discardableResult
    public func reloadIfChanged() -> Reload {
        let stamp = FileStamps(self.configuration)
        guard self.state.withLock({ $0.stamp != stamp }) else { return .unchanged }
        do throws(TLSProblem) {
            let pair = try CertificatePair(self.configuration)
            self.state.withLock { state in
                state.pair = pair
                state.stamp = stamp
                state.contexts = [:]
            }
            self.logger.info("The certificate has been read again", metadata: ["certificate": "\(self.configuration.certificatePath)"])
            return .reloaded
        } catch {
            self.state.withLock { $0.stamp = stamp }
            self.logger.error(
                "A changed certificate is of no use, the old one stays",
                metadata: ["certificate": "\(self.configuration.certificatePath)", "error": "\(error)"])
            return .refused(error)
        }
    }

    /// Looks at the files again and again, until the task is cancelled.
    public func watch(every interval: Duration = .seconds(5)) async {
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: interval)
            } catch {
                return  // cancelled
            }
            self.reloadIfChanged()
        }
    }
}
