public import Glibc
import Synchronization

public struct NoFreePort: Error {}

/// A port that nobody uses, over TCP or UDP, for a program that must be told one before it listens. It is not of those that the kernel gives to
/// whoever asks for any (32768 and up, where Linux is not told otherwise), and no test of this process gets it twice.
public func freePort() throws -> Int {
    for _ in 0..<200 {
        let port = Int.random(in: 21_000..<32_000)
        guard given.withLock({ $0.insert(port).inserted }) else { continue }
        if isFree(port, SOCK_STREAM), isFree(port, SOCK_DGRAM) { return port }
    }
    throw NoFreePort()
}

/// A port of 127.0.0.1 over TCP where nobody listens, and which nobody else is given as long as this is there.
public final class TakenPort: Sendable {
    public let number: Int
    private let descriptor: Int32

    public init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard let address = bindToLoopback(descriptor) else {
            close(descriptor)
            throw NoFreePort()
        }
        self.descriptor = descriptor
        self.number = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(self.descriptor) }
}

/// Gives a socket a port of 127.0.0.1 that the kernel chooses. The address with it; nil when it takes none.
public func bindToLoopback(_ descriptor: Int32) -> sockaddr_in? {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
            bind(descriptor, raw, length) == 0 && getsockname(descriptor, raw, &length) == 0
        }
    }
    return isBound ? address : nil
}

private let given = Mutex<Set<Int>>([])

private func isFree(_ port: Int, _ type: __socket_type) -> Bool {
    let descriptor = socket(AF_INET, Int32(type.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = UInt16(port).bigEndian
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 }
    }
}
