import Foundation
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import RTMP
import Streams
import Testing
import TransportSecurity

@testable import Gateways

/// RTMPS, with NIO's TLS as the client.
extension RTMPGatewayTests {
    /// Certificate and key in a folder that is removed afterwards, and the context of a client that takes any certificate: NIO's finds only those of
    /// authorities good.
    private func withCertificate(_ body: (TLSCertificates, NIOSSLContext) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-rtmps-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: folder) } }
        let pair = try SelfSignedCertificate.make(names: ["localhost"], days: 1)
        let (certificate, key) = (folder.appendingPathComponent("certificate.pem"), folder.appendingPathComponent("key.pem"))
        try Data(pair.certificate.utf8).write(to: certificate)
        try Data(pair.key.utf8).write(to: key)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let certificates = try TLSCertificates(configuration: .init(certificatePath: certificate.path, keyPath: key.path), logger: logger)
        var client = TLSConfiguration.makeClientConfiguration()
        client.certificateVerification = .none
        try await body(certificates, NIOSSLContext(configuration: client))
    }

    private func withSecureGateway(_ body: (RTMPGateway, Int, Int, NIOSSLContext) async throws -> Void) async throws {
        try await self.withCertificate { certificates, client in
            try await self.with({ configuration in
                configuration.secure = .init(port: 0) { try certificates.makeHandler(applicationProtocols: []) }
            }) { gateway, port, _ in
                try await body(gateway, port, try #require(gateway.securePort), client)
            }
        }
    }

    @Test func aPublisherAndAPlayerMeetOverTLS() async throws {
        try await self.withSecureGateway { _, plain, secure, client in
            #expect(plain != secure)
            try await RTMPTestConnection.with(port: secure, context: client) { publisher in
                self.check(try await publisher.publish("demo"), "NetStream.Publish.Start")
                try await self.publish(publisher.feed, frames: 0..<30, bytes: 5000)
                try await self.waitForFrames("demo", 60)
                for (port, context) in [(secure, Optional(client)), (plain, nil)] {
                    try await RTMPTestConnection.with(port: port, context: context) { player in
                        self.check(try await player.play("demo"), "NetStream.Play.Reset")
                        self.check(try await player.status(), "NetStream.Play.Start")
                        var times: [UInt32] = []
                        while times.count < 5, let message = try await player.next() {
                            if message.type == .video, message.payload.readableBytes > 1000 { times.append(message.timestamp) }
                        }
                        #expect(times == [1000, 1040, 1080, 1120, 1160])
                    }
                }
            }
        }
    }

    /// From so many on the gateway reads plain publishers' sockets itself, which cannot be done with these.
    @Test func manySecurePublishersAreAllRead() async throws {
        try await self.withSecureGateway { _, _, secure, client in
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                let (release, releaser) = AsyncStream<Void>.makeStream()
                let ready = AsyncStream<Void>.makeStream()
                for number in 0..<60 {
                    tasks.addTask {
                        // One that fails lets the others go on, and the failure be told.
                        defer {
                            ready.continuation.finish()
                            releaser.finish()
                        }
                        try await RTMPTestConnection.with(port: secure, context: client) { publisher in
                            self.check(try await publisher.publish("s\(number)"), "NetStream.Publish.Start")
                            ready.continuation.yield()
                            for await _ in release {}
                            try await self.publish(publisher.feed, frames: 0..<10)
                            try await self.waitForFrames("s\(number)", 20)
                        }
                    }
                }
                var count = 0
                for await _ in ready.stream {
                    count += 1
                    if count == 60 { break }
                }
                releaser.finish()
                try await tasks.waitForAll()
            }
        }
    }

    @Test func plainBytesOnTheSecurePortEndTheConnection() async throws {
        try await self.withSecureGateway { gateway, _, secure, _ in
            try await RTMPTestConnection.with(port: secure) { client in
                try await client.write(ByteBuffer(bytes: [3] + [UInt8](repeating: 0, count: 1536)))
                while try await client.next() != nil {}
                #expect(client.isClosed)
            }
        }
    }

    @Test func aHandshakeThatIsNotFinishedIsGivenUp() async throws {
        try await self.withCertificate { certificates, _ in
            try await self.with({ configuration in
                configuration.secure = .init(port: 0) { try certificates.makeHandler(applicationProtocols: []) }
                configuration.handshakeTimeout = .milliseconds(50)
            }) { gateway, _, _ in
                try await RTMPTestConnection.with(port: try #require(gateway.securePort)) { client in
                    while try await client.next() != nil {}
                    #expect(client.isClosed)
                }
            }
        }
    }

    @Test func aPortThatIsTakenLeavesNoneOpen() async throws {
        try await self.withSecureGateway { other, port, _, _ in
            var configuration = RTMPGateway.Configuration()
            configuration.host = "127.0.0.1"
            configuration.port = 0
            configuration.secure = .init(port: port) { throw ChannelError.operationUnsupported }
            let gate = TestGate(streams: self.streams)
            let gateway = RTMPGateway(
                configuration: configuration, gate: gate, playGate: gate, streams: self.streams, group: MultiThreadedEventLoopGroup.singleton,
                logger: Logger(label: "test"))
            await #expect(throws: (any Error).self) { _ = try await gateway.start() }
            #expect(gateway.securePort == nil)
            #expect(other.securePort != nil)
        }
    }
}
