import NIOCore
import NIOPosix

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// Turns a host name into addresses. Blocks, for as long as the system's resolver cares to wait.
enum HostLookup {
    enum Failure: Error, CustomStringConvertible {
        case notFound(String)

        var description: String {
            switch self {
            case .notFound(let why): "name lookup: \(why)"
            }
        }
    }

    /// All addresses, in the order of the system's preference; never empty. A literal address is its own answer.
    static func addresses(host: String, port: Int) throws(Failure) -> [SocketAddress] {
        var hints = addrinfo()
        #if canImport(Glibc)
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
        hints.ai_socktype = SOCK_STREAM
        #endif
        var head: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &head)
        defer { if let head { freeaddrinfo(head) } }
        guard code == 0 else { throw Failure.notFound(String(cString: gai_strerror(code))) }
        var addresses: [SocketAddress] = []
        var entry = head
        while let info = entry {
            if let address = Self.address(info.pointee, host: host) { addresses.append(address) }
            entry = info.pointee.ai_next
        }
        guard !addresses.isEmpty else { throw Failure.notFound("no address") }
        return addresses
    }

    private static func address(_ info: addrinfo, host: String) -> SocketAddress? {
        guard let raw = UnsafeRawPointer(info.ai_addr) else { return nil }
        switch info.ai_family {
        case AF_INET where Int(info.ai_addrlen) >= MemoryLayout<sockaddr_in>.size:
            return SocketAddress(raw.loadUnaligned(as: sockaddr_in.self), host: host)
        case AF_INET6 where Int(info.ai_addrlen) >= MemoryLayout<sockaddr_in6>.size:
            return SocketAddress(raw.loadUnaligned(as: sockaddr_in6.self), host: host)
        default:
            return nil
        }
    }
}

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
