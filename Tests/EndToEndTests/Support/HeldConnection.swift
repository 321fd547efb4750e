import Glibc
import Testing

/// A TCP connection that says what it is told to, and then nothing.
final class HeldConnection {
    struct NobodyListens: Error {
        let port: Int
    }

    private let descriptor: Int32

    init(to port: Int, saying words: [UInt8] = []) throws {
        self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        try #require(self.descriptor >= 0, "no socket")
        var address = sockaddr_in.loopback(port: port)
        let isConnected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(self.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        // No requirement of the test: whoever waits for a server tries this many times.
        guard isConnected else {
            close(self.descriptor)
            throw NobodyListens(port: port)
        }
        try self.say(words)
    }

    fileprivate init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    func say(_ words: [UInt8]) throws {
        var rest = words[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(self.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            try #require(count > 0, "the peer takes nothing: errno \(errno)")
            rest = rest.dropFirst(count)
        }
    }

    /// Everything that has come meanwhile; nothing is waited for. nil when the peer has closed.
    func heard() -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = recv(self.descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        if count < 0 { return errno == EAGAIN || errno == EINTR ? [] : nil }
        return count == 0 ? nil : Array(bytes[..<count])
    }

    deinit {
        close(self.descriptor)
    }
}

/// Takes connections, as far as the kernel does that by itself, and never reads or says anything.
final class SilentServer {
    let port: Int
    private let descriptor: Int32

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        try #require(descriptor >= 0, "no socket")
        var address = sockaddr_in.loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isReady = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 8) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        self.descriptor = descriptor
        self.port = Int(UInt16(bigEndian: address.sin_port))
        try #require(isReady, "no free port")
    }

    /// The next connection that the kernel has taken; nil when there is none now.
    func accepted() throws -> HeldConnection? {
        var waiting = pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, 0) == 1 else { return nil }
        let connection = accept(self.descriptor, nil, nil)
        try #require(connection >= 0, "no connection: errno \(errno)")
        _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
        return HeldConnection(descriptor: connection)
    }

    deinit {
        close(self.descriptor)
    }
}

extension sockaddr_in {
    fileprivate static func loopback(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }
}
