import CSRT
import Glibc

/// An IPv4 or IPv6 address with a port.
public struct SRTAddress: Sendable {
    private let storage: sockaddr_storage
    private let length: Int32

    /// A literal address; nil for anything else. Asks nobody.
    public init?(literal host: String, port: Int) {
        self.init(host, port, flags: AI_NUMERICHOST | AI_NUMERICSERV)
    }

    /// Blocks for as long as the system's resolver does. For addresses of one's own, at the start.
    public init?(resolving host: String, port: Int) {
        self.init(host, port, flags: AI_NUMERICSERV | AI_PASSIVE)
    }

    private init?(_ host: String, _ port: Int, flags: Int32) {
        guard (0...65_535).contains(port) else { return nil }
        var hints = addrinfo()
        hints.ai_flags = flags
        hints.ai_socktype = Int32(SOCK_DGRAM.rawValue)
        var head: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &head) == 0, let head else { return nil }
        defer { freeaddrinfo(head) }
        self.init(head.pointee.ai_addr, length: Int(head.pointee.ai_addrlen))
    }

    /// A copy of a `sockaddr`; nil unless it is a whole address of one of the two families.
    public init?(_ address: UnsafeRawPointer?, length: Int) {
        guard let address, (MemoryLayout<sockaddr>.size...MemoryLayout<sockaddr_storage>.size).contains(length) else { return nil }
        let needed: Int
        switch Int32(address.loadUnaligned(as: sockaddr.self).sa_family) {
        case AF_INET: needed = MemoryLayout<sockaddr_in>.size
        case AF_INET6: needed = MemoryLayout<sockaddr_in6>.size
        default: return nil
        }
        guard length >= needed else { return nil }
        var storage = sockaddr_storage()
        withUnsafeMutableBytes(of: &storage) { $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: needed)) }
        self.storage = storage
        self.length = Int32(needed)
    }

    /// As libsrt hands one over: whole, and of the size its family says.
    init?(_ address: UnsafePointer<sockaddr>?) {
        guard let address else { return nil }
        let isIPv6 = Int32(address.pointee.sa_family) == AF_INET6
        self.init(address, length: isIPv6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size)
    }

    var isIPv6: Bool { Int32(self.storage.ss_family) == AF_INET6 }

    func withPointer<Value>(_ body: (UnsafePointer<sockaddr>, Int32) -> Value) -> Value {
        withUnsafePointer(to: self.storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, self.length) }
        }
    }

    /// Without port; an IPv4 address that came over an IPv6 socket is shown as IPv4.
    public var host: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { buffer in
            let result = self.withPointer { address, length in
                getnameinfo(address, socklen_t(length), buffer.baseAddress, socklen_t(buffer.count), nil, 0, NI_NUMERICHOST)
            }
            guard result == 0, let start = buffer.baseAddress else { return "unknown" }
            let text = String(cString: start)
            let mapped = "::ffff:"
            return text.hasPrefix(mapped) && text.contains(".") ? String(text.dropFirst(mapped.count)) : text
        }
    }

    public var port: Int {
        // Both families keep it at the same place, in network order.
        withUnsafeBytes(of: self.storage) { Int(UInt16(bigEndian: $0.loadUnaligned(fromByteOffset: 2, as: UInt16.self))) }
    }
}
