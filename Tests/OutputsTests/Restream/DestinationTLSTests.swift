import Foundation
import NIOCore
import NIOSSL
import Streams
import TestSupport
import Testing

@testable import Outputs

/// A self-signed certificate made for one test.
private struct TestCertificate {
    let directory: URL
    var certificate: String { self.directory.appendingPathComponent("cert.pem").path }
    var key: String { self.directory.appendingPathComponent("key.pem").path }

    /// - Parameter names: as openssl's subjectAltName has them.
    init(names: String) async throws {
        self.directory = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.directory, withIntermediateDirectories: true)
        // Not waited for on a thread of the pool: a few of these at a time would hold up all other tests.
        let made = try await Tool.run(
            "openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", self.key, "-out", self.certificate,
                "-days", "2", "-subj", "/CN=test", "-addext", "subjectAltName=\(names)",
            ])
        try #require(made.status == 0, "\(made.output)")
    }

    func remove() throws { try FileManager.default.removeItem(at: self.directory) }

    /// Tells the sink's events of the name that the client asked for.
    func context(_ events: EventLog<RTMPSink.Event>, _ number: Int) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(self.certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: self.key, format: .pem)))
        configuration.sslContextCallback = { values, promise in
            events.add(.tls(number, serverName: values.serverHostname))
            promise.succeed(.noChanges)
        }
        return try NIOSSLContext(configuration: configuration)
    }
}

@Suite(.againstHanging) struct DestinationTLSTests {
    /// Pushes to `host`; returns the name asked for by SNI once the push is live, or nil with the error.
    private func push(to host: String, names: String, isTrusted: Bool = true) async throws -> (serverName: String??, status: DestinationStatus?) {
        let certificate = try await TestCertificate(names: names)
        let sink = try await RTMPSink.start(.takesAll, tls: { events, number in try certificate.context(events, number) })
        let show = try TestPublisher()
        show.run(3)
        let bench = DestinationBench(
            sink.url(host: host, scheme: "rtmps"), stream: show.stream,
            network: DestinationNetwork(trustRoots: isTrusted ? certificate.certificate : nil))
        let status = await bench.changes.first { $0.state == .live || $0.state == .retrying }
        var serverName: String??
        if status?.state == .live {
            serverName = await sink.next { if case .tls(1, let name) = $0 { .some(name) } else { nil } }
            let media = try await sink.media(5)
            #expect(media[2].isKeyframe && media[2].timestamp == 0)
        }
        await bench.destination.stop()
        if status?.state == .live {
            // In either order: a sink that answers the goodbye may find there that nobody listens any more.
            var ends: Set<String> = []
            while ends.count < 2 {
                ends.insert(
                    try #require(
                        await sink.next { event in
                            switch event {
                            case .finished(1): "goodbye"
                            case .closed(1): "closed"
                            default: nil
                            }
                        }))
            }
        }
        try await sink.stop()
        try certificate.remove()
        return (serverName, status)
    }

    @Test func aNamedHostIsAskedForBySNI() async throws {
        let (serverName, status) = try await self.push(to: "localhost", names: "DNS:localhost")
        #expect(status?.state == .live, "\(status?.lastError ?? "")")
        #expect(serverName == .some("localhost"))
    }

    @Test func aLiteralAddressIsVerifiedAndNotSentAsAName() async throws {
        let (serverName, status) = try await self.push(to: "127.0.0.1", names: "IP:127.0.0.1")
        #expect(status?.state == .live, "\(status?.lastError ?? "")")
        #expect(serverName == .some(nil))
    }

    /// However little time there is for a goodbye, the socket is gone after it.
    @Test func aSessionThatIsGivenNoTimeToEndIsCutOff() async throws {
        let certificate = try await TestCertificate(names: "DNS:localhost")
        let sink = try await RTMPSink.start(.takesAll, tls: { events, number in try certificate.context(events, number) })
        let show = try TestPublisher()
        show.run(3)
        let bench = DestinationBench(
            sink.url(host: "localhost", scheme: "rtmps"), stream: show.stream,
            network: DestinationNetwork(trustRoots: certificate.certificate), timing: DestinationBench.timing { $0.close = .nanoseconds(3) })
        await bench.reaches(.live)
        await bench.destination.stop()
        #expect(await sink.next { if case .closed(1) = $0 { true } else { nil } } == true)
        try await sink.stop()
        try certificate.remove()
    }

    @Test func aCertificateOfAnotherHostIsRefused() async throws {
        let (_, status) = try await self.push(to: "localhost", names: "DNS:other.example")
        #expect(status?.state == .retrying)
        #expect(status?.contractStatus == "failed")
        #expect(status?.lastError?.contains("cannot connect") == true)
        #expect(status?.errorClass == .tls)
    }

    @Test func aCertificateNobodyVouchesForIsRefused() async throws {
        let (_, status) = try await self.push(to: "localhost", names: "DNS:localhost", isTrusted: false)
        #expect(status?.state == .retrying)
        #expect(status?.lastError?.contains("CERTIFICATE_VERIFY_FAILED") == true, "\(status?.lastError ?? "")")
    }

    @Test func aServerWithoutTLSBehindAnRtmpsURLIsTold() async throws {
        let sink = try await RTMPSink.start(.takesAll)
        let show = try TestPublisher()
        show.run(3)
        let bench = DestinationBench(sink.url(scheme: "rtmps"), stream: show.stream)
        let status = try #require(await bench.reaches(.retrying))
        #expect(status.lastError?.hasPrefix("cannot connect") == true, "\(status.lastError ?? "")")
        #expect(status.errorClass == .tls)
        await bench.destination.stop()
        try await sink.stop()
    }
}
