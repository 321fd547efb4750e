public import NIOCore
import Synchronization

#if canImport(Darwin)
import Darwin
#elseif canImport(Musl)
import Musl
#else
import Glibc
#endif

/// The addresses of this host's own interfaces.
public enum HostAddresses {
    private struct Cache {
        var addresses: [SocketAddress] = []
        var validUntil: NIODeadline?
    }

    /// An interface that comes up is noticed this much later.
    private static let validity = TimeAmount.seconds(5)
    private static let cache = Mutex(Cache())

    /// As they were at most five seconds ago.
    @Sendable public static func current() -> [SocketAddress] {
        Self.cache.withLock { cache in
            let now = NIODeadline.now()
            if let validUntil = cache.validUntil, now < validUntil { return cache.addresses }
            // When the system does not tell, what it told last is the best there is.
            if let addresses = Self.read() { cache.addresses = addresses }
            cache.validUntil = now + Self.validity
            return cache.addresses
        }
    }

    private static func read() -> [SocketAddress]? {
        var head: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&head) == 0 else { return nil }
        defer { freeifaddrs(head) }
        var addresses: [SocketAddress] = []
        var entry = head
        while let interface = entry {
            if let address = interface.pointee.ifa_addr, let own = Self.address(address) { addresses.append(own) }
            entry = interface.pointee.ifa_next
        }
        return addresses
    }

    private static func address(_ raw: UnsafeMutablePointer<sockaddr>) -> SocketAddress? {
        switch Int32(raw.pointee.sa_family) {
        case AF_INET: SocketAddress(UnsafeRawPointer(raw), length: MemoryLayout<sockaddr_in>.size, host: "")
        case AF_INET6: SocketAddress(UnsafeRawPointer(raw), length: MemoryLayout<sockaddr_in6>.size, host: "")
        default: nil
        }
    }
}
