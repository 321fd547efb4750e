import Foundation
import Glibc
import Synchronization
import Testing

/// Answers every HTTP request on a port of the kernel's choice with one text, from a thread of its own, and counts who came.
final class LoopbackServer: Sendable {
    let port: UInt16
    private let listener: Int32
    private let connections = Atomic<Int>(0)
    private let ended = DispatchSemaphore(value: 0)

    var connectionCount: Int { self.connections.load(ordering: .acquiring) }

    init(answering answer: @escaping @Sendable (_ port: UInt16) -> String) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(listener >= 0)
        var address = SocketBytes.loopback(port: 0)
        let bound = address.withRaw { raw, size in
            var length = size
            return bind(listener, raw, size) == 0 && listen(listener, 8) == 0 && getsockname(listener, raw, &length) == 0
        }
        try #require(bound)
        self.listener = listener
        let port = address.port
        self.port = port
        let text = answer(port)
        let thread = Thread { [self] in self.serve(text) }
        thread.start()
    }

    /// The thread has ended when this returns.
    func stop() {
        shutdown(self.listener, Int32(SHUT_RDWR))
        self.ended.wait()
        close(self.listener)
    }

    private func serve(_ text: String) {
        defer { self.ended.signal() }
        while true {
            let client = accept(self.listener, nil, nil)
            guard client >= 0 else { return }
            self.connections.add(1, ordering: .releasing)
            var request: [UInt8] = []
            var piece = [UInt8](repeating: 0, count: 4096)
            while !request.contains(subsequence: Array("\r\n\r\n".utf8)) {
                let count = recv(client, &piece, piece.count, 0)
                guard count > 0 else { break }
                request += piece[..<count]
            }
            _ = text.withCString { send(client, $0, strlen($0), Int32(MSG_NOSIGNAL)) }
            close(client)
        }
    }
}

/// A `sockaddr_in` as bytes.
struct SocketBytes {
    private var bytes: [UInt8]

    static func loopback(port: UInt16) -> SocketBytes {
        var bytes = [UInt8](repeating: 0, count: 16)
        bytes[2...7] = [UInt8(port >> 8), UInt8(port & 0xFF), 127, 0, 0, 1]
        var address = SocketBytes(bytes: bytes)
        address.family = AF_INET
        return address
    }

    var port: UInt16 { UInt16(self.bytes[2]) << 8 | UInt16(self.bytes[3]) }

    var family: Int32 {
        get { Int32(self.bytes[0]) }
        set { self.bytes.withUnsafeMutableBytes { $0.storeBytes(of: sa_family_t(newValue), as: sa_family_t.self) } }
    }

    mutating func withRaw<T>(_ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> T) -> T {
        let count = socklen_t(self.bytes.count)
        return self.bytes.withUnsafeMutableBufferPointer { buffer in
            // An array of 16 bytes has a base address.
            buffer.baseAddress!.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, count) }
        }
    }
}

extension [UInt8] {
    fileprivate func contains(subsequence: [UInt8]) -> Bool { self.firstRange(of: subsequence) != nil }
}
