import Dispatch
import Egress
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

    private struct Lookups {
        var running = 0
        var waiting: [@Sendable () -> Void] = []
    }

    private enum Admission {
        case runs, waits, isRefused
    }

    /// Threads that may block at once, and lookups that may wait for one; more than this is only reached when a name server hangs.
    private static let runningLimit = 32
    private static let waitingLimit = 1_024

    let registry = DestinationURLRegistry()
    private let trustRoots: String?
    private let context = Mutex<NIOSSLContext?>(nil)
    private let queue = DispatchQueue(label: "destination-lookup", attributes: .concurrent)
    private let lookups = Mutex(Lookups())

    /// - Parameter trustRoots: a PEM file with certificate authorities to trust besides the system's; nil: none. Read when it is first needed.
    public init(trustRoots: String? = nil) {
        self.trustRoots = trustRoots
    }

    public struct UnusableTrustRoots: Error, CustomStringConvertible {
        public let description: String

        public init(description: String) {
            self.description = description
        }
    }

    /// Reads the file of `trustRoots`, if there is one. Blocks for a moment; for the start, where a wrong path can still be told.
    public func checkTrustRoots() throws(UnusableTrustRoots) {
        guard let trustRoots else { return }
        do {
            guard try NIOSSLCertificate.fromPEMFile(trustRoots).isEmpty else { return }
        } catch {
            throw UnusableTrustRoots(description: "\(trustRoots) cannot be read as PEM: \(error)")
        }
        throw UnusableTrustRoots(description: "\(trustRoots) holds no certificate")
    }

    func route(host: String, port: Int, isSecure: Bool, on eventLoop: any EventLoop) -> EventLoopFuture<Route> {
        let promise = eventLoop.makePromise(of: Route.self)
        let lookup: @Sendable () -> Void = {
            promise.completeWith(
                Result { Route(addresses: try HostLookup.addresses(host: host, port: port), tls: isSecure ? try self.tlsContext() : nil) })
        }
        let admission: Admission = self.lookups.withLock { lookups in
            if lookups.running < Self.runningLimit {
                lookups.running += 1
                return .runs
            }
            guard lookups.waiting.count < Self.waitingLimit else { return .isRefused }
            lookups.waiting.append(lookup)
            return .waits
        }
        switch admission {
        case .runs: self.queue.async { self.run(lookup) }
        case .waits: break
        case .isRefused: promise.fail(Failure.tooManyPending)
        }
        return promise.futureResult
    }

    /// On a thread of the queue: this lookup, then those that wait for a thread.
    private func run(_ lookup: @Sendable () -> Void) {
        lookup()
        while let next = self.nextWaiting() { next() }
    }

    private func nextWaiting() -> (@Sendable () -> Void)? {
        self.lookups.withLock { lookups in
            guard !lookups.waiting.isEmpty else {
                lookups.running -= 1
                return nil
            }
            return lookups.waiting.removeFirst()
        }
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
