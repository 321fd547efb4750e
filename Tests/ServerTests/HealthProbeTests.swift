import Foundation
import Glibc
import TestSupport
import Testing

@testable import Server

@Suite struct HealthProbeTests {
    /// A listener on a port the system chose that answers one connection with `answer`, after it has the whole request.
    private final class OneShotServer: Sendable {
        let port: Int
        private let listener: Int32

        init() throws {
            let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            let bound = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listener, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
            }
            try #require(bound == 0 && listen(listener, 1) == 0)
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            _ = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &size) }
            }
            self.listener = listener
            self.port = Int(UInt16(bigEndian: address.sin_port))
        }

        deinit { close(self.listener) }

        /// nil accepts and says nothing.
        func answer(_ answer: String?) {
            Thread.detachNewThread {
                let connection = accept(self.listener, nil, nil)
                var request = ""
                var buffer = [UInt8](repeating: 0, count: 1024)
                while !request.hasSuffix("\r\n\r\n") {
                    let count = recv(connection, &buffer, buffer.count, 0)
                    guard count > 0 else { break }
                    request += String(decoding: buffer[..<count], as: UTF8.self)
                }
                if let answer, request.hasPrefix("GET /healthz HTTP/1.1\r\n") {
                    _ = send(connection, answer, answer.utf8.count, Int32(MSG_NOSIGNAL))
                    close(connection)
                } else {
                    // Kept open until the other side has had enough.
                    while recv(connection, &buffer, buffer.count, 0) > 0 {}
                    close(connection)
                }
            }
        }
    }

    @Test func aServerThatAnswers200IsWell() throws {
        let server = try OneShotServer()
        server.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        // A server that listens on all addresses is asked over loopback.
        try HealthProbe(host: "0.0.0.0", port: server.port).check()
    }

    @Test func aServerThatAnswersAnythingElseIsNotWell() throws {
        let server = try OneShotServer()
        server.answer("HTTP/1.1 503 Service Unavailable\r\n\r\n")
        #expect(throws: HealthProbe.Failure.notWell(answer: "HTTP/1.1 503 Service Unavailable")) {
            try HealthProbe(host: "127.0.0.1", port: server.port).check()
        }
    }

    @Test(arguments: ["", "SSH-2.0-OpenSSH\r\n", String(repeating: "x", count: 100_000)]) func whatIsNoHTTPIsNotWell(answer: String) throws {
        let server = try OneShotServer()
        server.answer(answer)
        #expect(throws: HealthProbe.Failure.noAnswer) { try HealthProbe(host: "127.0.0.1", port: server.port).check() }
    }

    @Test func aServerThatHangsIsNotWaitedForForEver() throws {
        let server = try OneShotServer()
        server.answer(nil)
        let probe = HealthProbe(host: "127.0.0.1", port: server.port, timeout: timeval(tv_sec: 0, tv_usec: 100_000))
        #expect(throws: HealthProbe.Failure.noAnswer) { try probe.check() }
    }

    @Test func aPortThatNobodyListensOnIsTold() throws {
        let port = try TakenPort()
        #expect(throws: HealthProbe.Failure.unreachable(host: "127.0.0.1", port: port.number)) {
            try HealthProbe(host: "127.0.0.1", port: port.number).check()
        }
        withExtendedLifetime(port) {}
    }

    @Test func aPortChosenByTheSystemIsNotKnown() {
        #expect(throws: HealthProbe.Failure.portUnknown) { try HealthProbe(host: "127.0.0.1", port: 0).check() }
    }
}
