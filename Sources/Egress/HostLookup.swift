public import NIOCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// Turns a host name into addresses.
public enum HostLookup {
    public enum Failure: Error, CustomStringConvertible {
        case notFound(String)

        public var description: String {
            switch self {
            case .notFound(let why): "name lookup: \(why)"
            }
        }
    }

    /// All addresses, in the order of the system's preference; never empty. A literal address is its own answer.
    /// Blocks, for as long as the system's resolver cares to wait.
    public static func addresses(host: String, port: Int) throws(Failure) -> [SocketAddress] {
        try Self.ask(host: host, port: port, flags: 0)
    }

    /// What `addresses` would answer for a literal address, in any spelling that the system takes for one (`127.1`, `0x7f000001`, `fe80::1%eth0`).
    /// Nil for names. Does not block.
    static func literal(_ host: String, port: Int) -> SocketAddress? {
        do throws(Failure) {
            return try Self.ask(host: host, port: port, flags: AI_NUMERICHOST).first
        } catch {
            return nil
        }
    }

    private static func ask(host: String, port: Int, flags: Int32) throws(Failure) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_flags = flags
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
            if let raw = UnsafeRawPointer(info.pointee.ai_addr), let address = SocketAddress(raw, length: Int(info.pointee.ai_addrlen), host: host) {
                addresses.append(address)
            }
            entry = info.pointee.ai_next
        }
        guard !addresses.isEmpty else { throw Failure.notFound("no address") }
        return addresses
    }
}

extension SocketAddress {
    /// Nil unless it is a whole IPv4 or IPv6 address.
    init?(_ raw: UnsafeRawPointer, length: Int, host: String) {
        guard length >= MemoryLayout<sockaddr>.size else { return nil }
        switch Int32(raw.loadUnaligned(as: sockaddr.self).sa_family) {
        case AF_INET where length >= MemoryLayout<sockaddr_in>.size:
            self = SocketAddress(raw.loadUnaligned(as: sockaddr_in.self), host: host)
        case AF_INET6 where length >= MemoryLayout<sockaddr_in6>.size:
            self = SocketAddress(raw.loadUnaligned(as: sockaddr_in6.self), host: host)
        default:
            return nil
        }
    }
}
