import Foundation
import Glibc
import Synchronization

/// A peer on loopback with good and bad habits. It speaks just enough HTTP/1.1, one thread for each connection, at a port of the system's choice.
final class LoopbackServer: Sendable {
    enum Answer: Sendable {
        /// Of a file: with ranges.
        case file([UInt8])
        /// So much of a file, then nothing, and the connection stays.
        case stalls([UInt8])
        case status(Int)
        case redirect(String)
        /// Accepts, and never says a word.
        case silence
    }

    private struct State {
        var requests: [String] = []
        var sockets: [Int32] = []
        var isOpen = true
    }

    let port: Int
    private let listener: Int32
    private let answer: @Sendable (String) -> Answer
    private let state = Mutex(State())

    struct Failed: Error {
        let step: String
        let number: Int32
    }

    /// `answer` is asked with the path of each request.
    init(_ answer: @escaping @Sendable (_ path: String) -> Answer) throws {
        self.answer = answer
        self.listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = self.listener
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(listener, raw, length) == 0 && listen(listener, 16) == 0 && getsockname(listener, raw, &length) == 0
            }
        }
        guard isBound else { throw Failed(step: "listen", number: errno) }
        self.port = Int(UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [self] in self.accept() }
    }

    func url(_ path: String) -> String { "http://127.0.0.1:\(self.port)/\(path)" }
    var requests: [String] { self.state.withLock { $0.requests } }

    /// Ends all connections; nobody is accepted any more.
    func close() {
        let sockets = self.state.withLock { state in
            state.isOpen = false
            defer { state.sockets = [] }
            return state.sockets
        }
        shutdown(self.listener, Int32(SHUT_RDWR))
        for socket in sockets { shutdown(socket, Int32(SHUT_RDWR)) }
    }

    private func accept() {
        while true {
            let socket = Glibc.accept(self.listener, nil, nil)
            let isOpen = self.state.withLock { state in
                if socket >= 0, state.isOpen { state.sockets.append(socket) }
                return state.isOpen
            }
            guard socket >= 0, isOpen else {
                if socket >= 0 { Glibc.close(socket) }
                Glibc.close(self.listener)
                return
            }
            Thread.detachNewThread { [self] in
                self.serve(socket)
                let isOurs = self.state.withLock { state in
                    guard let index = state.sockets.firstIndex(of: socket) else { return false }
                    state.sockets.remove(at: index)
                    return true
                }
                // Otherwise `close` may just be using it, and it ends with the process.
                if isOurs { Glibc.close(socket) }
            }
        }
    }

    private func serve(_ socket: Int32) {
        while let request = self.readHead(socket) {
            let path = String(request.split(separator: " ").dropFirst().first?.dropFirst() ?? "")
            self.state.withLock { $0.requests.append(request) }
            switch self.answer(path) {
            case .file(let bytes):
                guard self.send(bytes, for: request, to: socket) else { return }
            case .stalls(let bytes):
                _ = self.write("HTTP/1.1 200 OK\r\nContent-Length: \(bytes.count * 2)\r\n\r\n", socket) && self.write(bytes[...], socket)
                return self.waitForEnd(socket)
            case .status(let code):
                guard self.write("HTTP/1.1 \(code) Nothing\r\nContent-Length: 0\r\n\r\n", socket) else { return }
            case .redirect(let url):
                guard self.write("HTTP/1.1 302 Found\r\nLocation: \(url)\r\nContent-Length: 0\r\n\r\n", socket) else { return }
            case .silence: return self.waitForEnd(socket)
            }
        }
    }

    private func send(_ bytes: [UInt8], for request: String, to socket: Int32) -> Bool {
        guard let range = request.firstMatch(of: #/(?i)range: bytes=(\d+)-(\d*)/#), let start = Int(range.1) else {
            return self.write("HTTP/1.1 200 OK\r\nAccept-Ranges: bytes\r\nContent-Length: \(bytes.count)\r\n\r\n", socket)
                && self.write(bytes[...], socket)
        }
        guard start < bytes.count else { return self.write("HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n", socket) }
        let end = min((Int(range.2) ?? Int.max - 1) + 1, bytes.count)
        let head = "HTTP/1.1 206 Partial\r\nAccept-Ranges: bytes\r\nContent-Range: bytes \(start)-\(end - 1)/\(bytes.count)\r\n"
        return self.write(head + "Content-Length: \(end - start)\r\n\r\n", socket) && self.write(bytes[start..<end], socket)
    }

    private func readHead(_ socket: Int32) -> String? {
        var head: [UInt8] = []
        var byte: UInt8 = 0
        while recv(socket, &byte, 1, 0) == 1 {
            head.append(byte)
            if head.suffix(4) == [13, 10, 13, 10] { return String(decoding: head, as: UTF8.self) }
        }
        return nil
    }

    private func waitForEnd(_ socket: Int32) {
        var byte: UInt8 = 0
        while recv(socket, &byte, 1, 0) == 1 {}
    }

    private func write(_ text: String, _ socket: Int32) -> Bool { self.write(Array(text.utf8)[...], socket) }

    private func write(_ bytes: ArraySlice<UInt8>, _ socket: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
