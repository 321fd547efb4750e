import Glibc

/// System calls on non-blocking TCP sockets of the loopback interface.
enum Socket {
    /// Begins a connection; it may still be in progress when this returns.
    static func connect(port: UInt16) throws(LoadFailure) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .lastError(of: "socket") }
        var one: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        let result = Self.withLoopback(port) { Glibc.connect(descriptor, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else {
            let failure = LoadFailure.lastError(of: "connect")
            Glibc.close(descriptor)
            throw failure
        }
        return descriptor
    }

    /// Whether somebody accepts connections at the port.
    static func accepts(port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { Glibc.close(descriptor) }
        return Self.withLoopback(port) { Glibc.connect(descriptor, $0, $1) } == 0
    }

    /// Ports the system says are free. They are held until all are found, so that they differ.
    static func freePorts(_ count: Int) throws(LoadFailure) -> [UInt16] {
        var descriptors: [Int32] = []
        defer { for descriptor in descriptors { Glibc.close(descriptor) } }
        var ports: [UInt16] = []
        for _ in 0..<count {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { throw .lastError(of: "socket") }
            descriptors.append(descriptor)
            guard Self.withLoopback(0, { bind(descriptor, $0, $1) }) == 0 else { throw .lastError(of: "bind") }
            var address = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let result = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
            }
            guard result == 0 else { throw .lastError(of: "getsockname") }
            ports.append(UInt16(bigEndian: address.sin_port))
        }
        return ports
    }

    /// Lets this process have as many descriptors as it may.
    static func raiseDescriptorLimit(atLeast wanted: Int) throws(LoadFailure) {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { throw .lastError(of: "getrlimit") }
        limit.rlim_cur = limit.rlim_max
        guard setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { throw .lastError(of: "setrlimit") }
        guard limit.rlim_cur >= rlim_t(wanted) else {
            throw .usage("this needs \(wanted) open files, the limit (ulimit -Hn) is \(limit.rlim_cur)")
        }
    }

    private static func withLoopback(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}
