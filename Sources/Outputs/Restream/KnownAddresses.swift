import NIOCore
import NIOPosix

/// Answers a bootstrap's questions from addresses that are known already, so that it tries them side by side (RFC 8305).
final class KnownAddresses: Resolver, Sendable {
    private let eventLoop: any EventLoop
    private let addresses: [SocketAddress]

    init(_ addresses: [SocketAddress], on eventLoop: any EventLoop) {
        self.addresses = addresses
        self.eventLoop = eventLoop
    }

    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        self.eventLoop.makeSucceededFuture(self.addresses.filter { $0.protocol == .inet })
    }

    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        self.eventLoop.makeSucceededFuture(self.addresses.filter { $0.protocol == .inet6 })
    }

    func cancelQueries() {}
}
