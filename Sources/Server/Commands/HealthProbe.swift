import Glibc

/// One blocking `GET /healthz`.
struct HealthProbe {
    enum Failure: Error, Equatable, CustomStringConvertible {
        case portUnknown
        case unresolvable(host: String)
        case unreachable(host: String, port: Int)
        case noAnswer
        /// The first line of what came.
        case notWell(answer: String)

        var description: String {
            switch self {
            case .portUnknown: "the server's port is chosen by the system (http.port is 0) and not known here"
            case .unresolvable(let host): "\(host) cannot be resolved"
            case .unreachable(let host, let port): "nothing answers at \(host) port \(port)"
            case .noAnswer: "the server does not answer"
            case .notWell(let answer): "the server is not well: \(answer)"
            }
        }
    }

    let host: String
    let port: Int
    var timeout = timeval(tv_sec: 5, tv_usec: 0)

    /// Returns when the answer is 200.
    func check() throws(Failure) {
        guard self.port != 0 else { throw .portUnknown }
        let descriptor = try self.connect()
        defer { close(descriptor) }
        let request = "GET /healthz HTTP/1.1\r\nHost: \(self.target):\(self.port)\r\nConnection: close\r\n\r\n"
        let bytes = Array(request.utf8)
        guard send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else { throw .noAnswer }
        let line = self.readLine(descriptor)
        guard line.hasPrefix("HTTP/1.") else { throw .noAnswer }
        guard line.split(separator: " ").dropFirst().first == "200" else { throw .notWell(answer: line) }
    }

    /// A server that listens on all addresses is reached over the loopback one.
    private var target: String {
        switch self.host {
        case "0.0.0.0": "127.0.0.1"
        case "::": "::1"
        default: self.host
        }
    }

    private func connect() throws(Failure) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(self.target, "\(self.port)", &hints, &found) == 0 else { throw .unresolvable(host: self.target) }
        defer { freeaddrinfo(found) }
        var next = found
        while let address = next?.pointee {
            let descriptor = socket(address.ai_family, address.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), address.ai_protocol)
            if descriptor >= 0 {
                // On Linux the send timeout bounds connect as well.
                var timeout = self.timeout
                let size = socklen_t(MemoryLayout<timeval>.size)
                setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, size)
                setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, size)
                if Glibc.connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return descriptor }
                close(descriptor)
            }
            next = address.ai_next
        }
        throw .unreachable(host: self.target, port: self.port)
    }

    /// Up to the first line break, at most 256 bytes; what came so far when the server stops sending.
    private func readLine(_ descriptor: Int32) -> String {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while line.count < 256, recv(descriptor, &byte, 1, 0) == 1, byte != 0x0A { line.append(byte) }
        if line.last == 0x0D { line.removeLast() }
        return String(decoding: line, as: UTF8.self)
    }
}
