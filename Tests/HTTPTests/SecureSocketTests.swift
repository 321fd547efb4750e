import Foundation
import Logging
import NIOCore
import Synchronization
import TestSupport
import Testing
import TransportSecurity

@testable import HTTP

/// The secure port, with curl and OpenSSL's client.
@Suite(.againstHanging) struct SecureSocketTests {
    /// A pair in a folder of its own.
    private struct Files {
        let folder: URL
        var certificate: String { self.folder.appendingPathComponent("certificate.pem").path }
        var key: String { self.folder.appendingPathComponent("key.pem").path }

        init() throws {
            self.folder = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-https-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
            try self.write()
        }

        func write() throws {
            let pair = try SelfSignedCertificate.make(names: ["localhost", "127.0.0.1"], days: 2)
            try Data(pair.certificate.utf8).write(to: URL(fileURLWithPath: self.certificate))
            try Data(pair.key.utf8).write(to: URL(fileURLWithPath: self.key))
        }

        func load() throws -> TLSCertificates {
            var logger = Logger(label: "test")
            logger.logLevel = .critical
            return try TLSCertificates(configuration: .init(certificatePath: self.certificate, keyPath: self.key), logger: logger)
        }
    }

    private func withFiles(_ body: (Files) async throws -> Void) async throws {
        let files = try Files()
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: files.folder) } }
        try await body(files)
    }

    @Test func bothProtocolsAndBothPathsWorkWithACertificateThatIsTrusted() async throws {
        try await self.withFiles { files in
            let trust = ["--cacert", files.certificate]
            try await TestServer.run(certificates: try files.load()) { server in
                let origin = "https://localhost:\(server.port)"
                #expect(try await Tool.curl(trust + ["--http2", "\(origin)/fast/1"]) == "2 200 7")
                #expect(try await Tool.curl(trust + ["--http1.1", "\(origin)/fast/1"]) == "1.1 200 7")
                #expect(try await Tool.curl(trust + ["--no-alpn", "\(origin)/fast/1"]) == "1.1 200 7")
                #expect(try await Tool.curl(trust + ["--http2", "-d", "hello", "\(origin)/echo"]) == "2 200 5")
                #expect(try await Tool.curl(trust + ["--http1.1", "-d", "hello", "\(origin)/echo"]) == "1.1 200 5")
                #expect(server.counters.handshakes.load(ordering: .relaxed) == 5)
                try await server.waitUntilEmpty(after: 5)
            }
        }
    }

    @Test(arguments: ["--http1.1", "--http2"]) func aFileIsEncryptedWhole(version: String) async throws {
        try await self.withFiles { files in
            let path = files.folder.appendingPathComponent("body").path
            let content = (0..<2_000_003).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 9) }
            try writeFile(content, to: path)
            try await TestServer.run(
                certificates: try files.load(),
                answer: { _, _ in .now(ReadyResponse(status: 206, body: .file(path: path, offset: 3, length: 2_000_000))) }
            ) { server in
                let answer = path + ".answer"
                let line = try await Tool.curl(["-k", version, "https://127.0.0.1:\(server.port)/"], to: answer)
                #expect(line.hasSuffix("206 2000000"))
                #expect(try Data(contentsOf: URL(fileURLWithPath: answer)) == Data(content[3...]))
            }
        }
    }

    @Test func oldVersionsAndWeakCiphersAreRefused() async throws {
        try await self.withFiles { files in
            try await TestServer.run(certificates: try files.load()) { server in
                let cases: [(options: [String], protocol: String?)] = [
                    (["-tls1_3"], "TLSv1.3"), (["-tls1_2"], "TLSv1.2"), (["-alpn", "h2,http/1.1"], "TLSv1.3"),
                    (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], "TLSv1.2"),
                    (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], nil), (["-tls1_2", "-cipher", "AES128-SHA"], nil),
                    (["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"], nil),
                ]
                for (options, version) in cases {
                    let tool = try await Tool.run("openssl", ["s_client", "-connect", "127.0.0.1:\(server.port)", "-brief"] + options)
                    #expect(tool.output.contains("CONNECTION ESTABLISHED") == (version != nil), "\(options): \(tool.output)")
                    if let version { #expect(tool.output.contains(version), "\(options)") }
                }
            }
        }
    }

    @Test func aNewCertificateIsShownToNewConnectionsAndOldOnesStay() async throws {
        try await self.withFiles { files in
            let certificates = try files.load()
            try await TestServer.run(certificates: certificates) { server in
                let origin = "https://localhost:\(server.port)/fast/1"
                #expect(try await Tool.curl(["--cacert", files.certificate, origin]) == "2 200 7")
                let old = files.certificate + ".old"
                try FileManager.default.copyItem(atPath: files.certificate, toPath: old)
                try files.write()
                #expect(certificates.reloadIfChanged() == .reloaded)
                #expect(try await Tool.curl(["--cacert", files.certificate, origin]) == "2 200 7")
                #expect(try await Tool.curl(["--cacert", old, origin]).contains("self-signed certificate"))
            }
        }
    }

    @Test func whatIsNoHandshakeIsClosedAndCounted() async throws {
        try await self.withFiles { files in
            try await TestServer.run(certificates: try files.load()) { server in
                let client = try await server.connect()
                try await client.send(Wire.get("/fast/1"))
                let answer = try await client.readToEnd()
                #expect(!answer.contains("HTTP/1.1"))
                try await server.waitUntilEmpty(after: 1)
                #expect(server.counters.failedHandshakes.load(ordering: .relaxed) == 1)
            }
        }
    }

    @Test func aHandshakeThatIsNotFinishedIsGivenUp() async throws {
        var limits = HTTPLimits()
        limits.headTimeout = .milliseconds(200)
        try await self.withFiles { files in
            try await TestServer.run(limits: limits, certificates: try files.load()) { server in
                let client = try await server.connect()
                #expect(try await client.readToEnd() == "")
                try await server.waitUntilEmpty(after: 1)
            }
        }
    }

    @Test func connectionsOverTheLimitAreClosedWithoutAHandshake() async throws {
        var limits = HTTPLimits()
        limits.connections = 1
        try await self.withFiles { files in
            try await TestServer.run(limits: limits, certificates: try files.load()) { server in
                _ = try await server.connect()
                let second = try await server.connect()
                #expect(try await second.readToEnd() == "")
                #expect(server.counters.refusedConnections.load(ordering: .relaxed) == 1)
            }
        }
    }

    @Test func browsersAreToldToComeBackSecurely() async throws {
        try await self.withFiles { files in
            try await TestServer.run(certificates: try files.load(), strictTransportSeconds: 3600) { server in
                for version in ["--http1.1", "--http2"] {
                    for path in ["/fast/1", "/routed"] {
                        let tool = try await Tool.run(
                            "curl", ["-sSk", version, "-D", "-", "-o", "/dev/null", "https://127.0.0.1:\(server.port)\(path)"])
                        #expect(tool.output.lowercased().contains("strict-transport-security: max-age=3600\r\n"), "\(version) \(path)")
                    }
                }
            }
        }
    }
}
