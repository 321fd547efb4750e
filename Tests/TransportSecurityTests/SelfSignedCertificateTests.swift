import Foundation
import NIOSSL
import TestSupport
import Testing

@testable import TransportSecurity

@Suite struct SelfSignedCertificateTests {
    @Test func itNamesHostsAndAddressesAndIsValidNow() throws {
        let pair = try SelfSignedCertificate.make(names: ["stream.example.org", "*.example.org", "192.0.2.7", "2001:db8::1"], days: 30)
        let certificate = try #require(try NIOSSLCertificate.fromPEMBytes(Array(pair.certificate.utf8)).first)
        #expect(certificate.subjectAlternativeNamesForTests == [0, 0, 1, 1])
        let now = Date().timeIntervalSince1970
        #expect(Double(certificate.notValidBefore) < now)
        #expect(abs(Double(certificate.notValidAfter) - now - 30 * 86_400) < 120)
        _ = try NIOSSLPrivateKey(bytes: Array(pair.key.utf8), format: .pem)
    }

    @Test func opensslReadsIt() throws {
        let files = try CertificateFiles(.make(names: ["stream.example.org", "192.0.2.7"], days: 30))
        defer { #expect(throws: Never.self) { try files.remove() } }
        let text = try Tool.output(of: "openssl", ["x509", "-in", files.certificate, "-noout", "-text", "-checkhost", "stream.example.org"])
        #expect(text.contains("does match certificate"))
        #expect(text.contains("IP Address:192.0.2.7"))
        #expect(text.contains("CA:FALSE"))
        #expect(text.contains("ecdsa-with-SHA256"))
    }

    @Test func itIsWrittenOnceAndItsKeyIsForItsOwnerOnly() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: folder) } }
        let (certificate, key) = (folder.appendingPathComponent("c.pem").path, folder.appendingPathComponent("k.pem").path)
        let pair = try SelfSignedCertificate.make(names: ["localhost"], days: 1)
        try pair.write(certificatePath: certificate, keyPath: key)
        #expect(try String(contentsOfFile: key, encoding: .utf8) == pair.key)
        #expect(try FileManager.default.attributesOfItem(atPath: key)[.posixPermissions] as? Int == 0o600)
        _ = try TLSCertificates(configuration: .init(certificatePath: certificate, keyPath: key), logger: CertificateFiles.quietLogger)

        #expect(throws: TLSProblem.unwritable(path: key, reason: "File exists")) { try pair.write(certificatePath: certificate, keyPath: key) }
        // A certificate that cannot be written leaves no key behind.
        let other = folder.appendingPathComponent("other.pem").path
        #expect(throws: TLSProblem.unwritable(path: certificate, reason: "File exists")) {
            try pair.write(certificatePath: certificate, keyPath: other)
        }
        #expect(!FileManager.default.fileExists(atPath: other))
    }

    @Test func twoAreDifferent() throws {
        let pairs = try (0..<2).map { _ in try SelfSignedCertificate.make(names: ["a"], days: 1) }
        #expect(pairs[0].key != pairs[1].key)
        #expect(pairs[0].certificate != pairs[1].certificate)
    }

    @Test(
        arguments: [
            [], [""], ["a,DNS:b"], ["a b"], ["a\n"], ["ä.example"], [String(repeating: "a", count: 254)], [String](repeating: "a", count: 101),
        ] as [[String]]) func namesThatCannotBeAreRefused(names: [String])
    {
        #expect(throws: TLSProblem.generationFailed) { try SelfSignedCertificate.make(names: names, days: 1) }
    }

    @Test(arguments: [0, -1, 3651]) func daysOutOfRangeAreRefused(days: Int) {
        #expect(throws: TLSProblem.generationFailed) { try SelfSignedCertificate.make(names: ["a"], days: days) }
    }

    @Test func aLongNameIsKeptWhole() throws {
        let name = String(repeating: "long.", count: 30) + "example"
        let pair = try SelfSignedCertificate.make(names: [name], days: 1)
        let certificate = try #require(try NIOSSLCertificate.fromPEMBytes(Array(pair.certificate.utf8)).first)
        #expect(certificate.subjectAlternativeNamesForTests.count == 1)
    }
}

extension NIOSSLCertificate {
    /// 0 for a host name, 1 for an address.
    fileprivate var subjectAlternativeNamesForTests: [Int] {
        self._subjectAlternativeNames().map { $0.nameType == .ipAddress ? 1 : 0 }
    }
}
