import TestSupport

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// A loopback port whose connects are never answered: it listens with a backlog that is full.
final class BlackHole {
    struct Failure: Error { let call: String }

    private var sockets: [Int32] = []
    let port: Int

    init() throws {
        let listener = try Self.socket()
        self.sockets = [listener]
        guard let address = bindToLoopback(listener), listen(listener, 0) == 0 else { throw Failure(call: "bind") }
        self.port = Int(UInt16(bigEndian: address.sin_port))
        // The kernel takes one or two more than the backlog says; the rest of these hang, as every later one does.
        for _ in 0..<8 {
            let filler = try Self.socket(flags: O_NONBLOCK)
            self.sockets.append(filler)
            _ = withUnsafePointer(to: address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(filler, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
            }
        }
    }

    private static func socket(flags: Int32 = 0) throws -> Int32 {
        #if canImport(Glibc)
        let made = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
        let made = Darwin.socket(AF_INET, SOCK_STREAM, 0)
        #endif
        guard made >= 0, fcntl(made, F_SETFL, flags) == 0 else { throw Failure(call: "socket") }
        return made
    }

    func close() {
        #if canImport(Glibc)
        for socket in self.sockets { _ = Glibc.close(socket) }
        #else
        for socket in self.sockets { _ = Darwin.close(socket) }
        #endif
        self.sockets = []
    }

    deinit { self.close() }
}
