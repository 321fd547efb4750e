import Foundation
import Glibc
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import Egress

@Suite(.againstHanging) struct ConnectGuardTests {
    private let strict = AddressPolicy(allowsLocal: false)
    private let lenient = AddressPolicy(allowsLocal: true)

    private func withServer<T>(_ answer: String = ok, _ body: (LoopbackServer) throws -> T) throws -> T {
        let server = try LoopbackServer { _ in answer }
        defer { server.stop() }
        return try body(server)
    }

    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
    private static func redirect(to url: String) -> String {
        "HTTP/1.1 302 Found\r\nLocation: \(url)\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    }

    // MARK: libavformat

    @Test func aLibrarysConnectionIsRefused() throws {
        let library = try FormatLibrary()
        try self.withServer { server in
            let url = "http://127.0.0.1:\(server.port)/"
            #expect(ConnectGuard.run(self.strict) { library.read(url) } == -EACCES)
            #expect(server.connectionCount == 0)
            #expect(ConnectGuard.lastRefused == "127.0.0.1:\(server.port)")

            #expect(ConnectGuard.run(self.lenient) { library.read(url) } == 0)
            #expect(ConnectGuard.lastRefused == nil)
            #expect(library.read(url) == 0)
            #expect(server.connectionCount == 2)
        }
    }

    /// Nobody looked at this name before the library did, as when its address changes between the check and the connection.
    @Test func aNameThatLeadsHereIsRefusedWhenItIsUsed() throws {
        let library = try FormatLibrary()
        try self.withServer { server in
            #expect(ConnectGuard.run(self.strict) { library.read("http://localhost:\(server.port)/") } == -EACCES)
            #expect(server.connectionCount == 0)
        }
    }

    @Test func aRedirectToARefusedAddressEndsThere() throws {
        let library = try FormatLibrary()
        try self.withServer { secret in
            try self.withServer(Self.redirect(to: "http://127.0.0.1:\(secret.port)/latest/meta-data")) { open in
                let url = "http://127.0.0.1:\(open.port)/clip.mp4"
                let onlyOpen = { (address: SocketAddress) in address.port == Int(open.port) }
                #expect(ConnectGuard.run(allowing: onlyOpen) { library.read(url) } == -EACCES)
                #expect(open.connectionCount == 1)
                #expect(secret.connectionCount == 0)
                #expect(ConnectGuard.lastRefused == "127.0.0.1:\(secret.port)")

                #expect(ConnectGuard.run(allowing: { _ in true }) { library.read(url) } == 0)
                #expect(secret.connectionCount == 1)
            }
        }
    }

    @Test func aPlaylistCannotNameARefusedAddress() throws {
        let library = try FormatLibrary()
        try self.withServer { secret in
            let playlist = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://127.0.0.1:\(secret.port)/a.ts\n#EXT-X-ENDLIST\n"
            let answer =
                "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.apple.mpegurl\r\nContent-Length: \(playlist.utf8.count)\r\n"
                + "Connection: close\r\n\r\n" + playlist
            try self.withServer(answer) { open in
                let url = "http://127.0.0.1:\(open.port)/index.m3u8"
                let onlyOpen = { (address: SocketAddress) in address.port == Int(open.port) }
                #expect(ConnectGuard.run(allowing: onlyOpen) { library.demux(url) } < 0)
                #expect(secret.connectionCount == 0)
                #expect(ConnectGuard.lastRefused == "127.0.0.1:\(secret.port)")

                // It would have been asked.
                #expect(ConnectGuard.run(allowing: { _ in true }) { library.demux(url) } < 0)
                #expect(secret.connectionCount > 0)
            }
        }
    }

    // MARK: the calls themselves

    private enum Call: CaseIterable {
        case connect, sendto, sendmsg

        /// A datagram to loopback's discard port; the error number, or 0.
        func run() -> Int32 {
            let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
            defer { close(descriptor) }
            var address = SocketBytes.loopback(port: 9)
            let result = address.withRaw { raw, size in
                switch self {
                case .connect: return Int(Glibc.connect(descriptor, raw, size))
                case .sendto: return Glibc.sendto(descriptor, "x", 1, 0, raw, size)
                case .sendmsg:
                    var message = msghdr()
                    message.msg_name = UnsafeMutableRawPointer(raw)
                    message.msg_namelen = size
                    return Glibc.sendmsg(descriptor, &message, 0)
                }
            }
            return result < 0 ? errno : 0
        }
    }

    @Test(arguments: Call.allCases) private func eachWayToContactAnAddressIsGuarded(call: Call) {
        #expect(call.run() == 0)
        #expect(ConnectGuard.run(self.strict) { call.run() } == EACCES)
        #expect(ConnectGuard.lastRefused == "127.0.0.1:9")
        #expect(ConnectGuard.run(self.lenient) { call.run() } == 0)
        #expect(call.run() == 0)
    }

    @Test func theInnerPolicyCountsUntilItReturns() {
        ConnectGuard.run(self.strict) {
            #expect(Call.connect.run() == EACCES)
            #expect(ConnectGuard.run(self.lenient) { Call.connect.run() } == 0)
            #expect(Call.connect.run() == EACCES)
            ConnectGuard.forgetRefused()
            #expect(ConnectGuard.lastRefused == nil)
        }
        #expect(Call.connect.run() == 0)
    }

    @Test func anErrorInsideEndsTheGuardToo() throws {
        struct Ended: Error {}
        #expect(throws: Ended.self) { try ConnectGuard.run(self.strict) { throw Ended() } }
        #expect(Call.connect.run() == 0)
    }

    @Test func otherThreadsAreNotConcerned() {
        ConnectGuard.run(self.strict) {
            let done = DispatchSemaphore(value: 0)
            let result = Mutex<Int32?>(nil)
            Thread {
                let code = Call.connect.run()
                result.withLock { $0 = code }
                done.signal()
            }.start()
            done.wait()
            #expect(result.withLock { $0 } == 0)
            #expect(ConnectGuard.lastRefused == nil)
        }
    }

    /// A verdict may look names up, which may send datagrams: it is not asked about its own.
    @Test func aVerdictIsNotAskedAboutItself() {
        var depth = 0
        let verdict = { (_: SocketAddress) -> Bool in
            depth += 1
            return depth == 1 && Call.connect.run() == 0
        }
        #expect(ConnectGuard.run(allowing: verdict) { Call.connect.run() } == 0)
        #expect(depth == 1)
    }

    @Test func socketsOfTheFileSystemAndNamesPass() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "guard-\(UUID().uuidString).sock").path
        defer { unlink(path) }
        var address = sockaddr_un()
        try withUnsafeMutableBytes(of: &address) { bytes in
            bytes.storeBytes(of: sa_family_t(AF_UNIX), as: sa_family_t.self)
            try #require(path.utf8.count < bytes.count - 2)
            for (index, byte) in path.utf8.enumerated() { bytes[index + 2] = byte }
        }
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        let client = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer {
            close(listener)
            close(client)
        }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        try withUnsafeMutablePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                try #require(bind(listener, raw, size) == 0 && listen(listener, 1) == 0)
                #expect(ConnectGuard.run(allowing: { _ in false }) { connect(client, raw, size) } == 0)
            }
        }
        let found = try ConnectGuard.run(allowing: { _ in false }) { () throws(HostLookup.Failure) in
            try HostLookup.addresses(host: "localhost", port: 1)
        }
        #expect(!found.isEmpty)
    }

    /// What the kernel refuses by itself it still does, and what cannot be judged is not contacted.
    @Test func oddAddressesAreNotContacted() {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(descriptor) }
        var address = SocketBytes.loopback(port: 9)
        func attempt(length: Int, family: Int32 = AF_INET) -> Int32 {
            address.family = family
            return address.withRaw { raw, _ in ConnectGuard.run(self.lenient) { connect(descriptor, raw, socklen_t(length)) == 0 ? 0 : errno } }
        }
        #expect(attempt(length: 16) == 0)
        #expect(attempt(length: 8) == EACCES)
        #expect(attempt(length: 1) == EINVAL)
        #expect(attempt(length: 16, family: AF_APPLETALK) == EACCES)
        // Ends the association that the first attempt made.
        #expect(attempt(length: 16, family: AF_UNSPEC) == 0)
    }
}
