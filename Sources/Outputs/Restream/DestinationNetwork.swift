import Dispatch
import NIOCore
import NIOSSL
import Synchronization

/// What all destinations of a process share on their way out: which URLs have an open session, the threads that block on name lookups, and one
/// TLS context (it holds every certificate authority of the system, megabytes of them). Owned by the composition root.
///
/// Lookups run on threads of their own, so a name server that does not answer holds up neither an event loop nor the lookups of other
/// destinations. A lookup cannot be cancelled, only no longer waited for; how many may hang at once is bounded.
public final class DestinationNetwork: Sendable {
    /// What is needed to connect.
    struct Route: Sendable {
        var addresses: [SocketAddress]
        /// For rtmps.
        var tls: NIOSSLContext?
    }

    enum Failure: Error, CustomStringConvertible {
        case tooManyPending

        var description: String { "too many name lookups are hanging" }
    }

    private static let lookupLimit = 32

    let registry = DestinationURLRegistry()
    private let trustRoots: String?
    private let context = Mutex<NIOSSLContext?>(nil)
    private let queue = DispatchQueue(label: "destination-lookup", attributes: .concurrent)
    private let pending = Atomic<Int>(0)

    /// - Parameter trustRoots: a PEM file with certificate authorities to trust besides the system's; nil: none. Read when it is first needed.
    public init(trustRoots: String? = nil) {
        self.trustRoots = trustRoots
    }

    func route(host: String, port: Int, isSecure: Bool, on eventLoop: any EventLoop) -> EventLoopFuture<Route> {
        let promise = eventLoop.makePromise(of: Route.self)
        guard self.pending.add(1, ordering: .relaxed).newValue <= Self.lookupLimit else {
            self.pending.subtract(1, ordering: .relaxed)
            promise.fail(Failure.tooManyPending)
            return promise.futureResult
        }
        self.queue.async {
            let route = Result {
                Route(addresses: try HostLookup.addresses(host: host, port: port), tls: isSecure ? try self.tlsContext() : nil)
            }
            self.pending.subtract(1, ordering: .relaxed)
            promise.completeWith(route)
        }
        return promise.futureResult
    }

    /// Certificates and host names are verified. Reads files at the first call.
    private func tlsContext() throws -> NIOSSLContext {
        try self.context.withLock { context in
            if let context { return context }
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.minimumTLSVersion = .tlsv12
            if let trustRoots = self.trustRoots { configuration.additionalTrustRoots = [.file(trustRoots)] }
            let made = try NIOSSLContext(configuration: configuration)
            context = made
            return made
        }
    }
}
