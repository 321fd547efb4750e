import Glibc
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
