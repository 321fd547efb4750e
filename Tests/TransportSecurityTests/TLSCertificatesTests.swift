import Foundation
import NIOSSL
import TestSupport
import Testing

@testable import TransportSecurity

@Suite(.againstHanging) struct TLSCertificatesTests {
    @Test func aPairIsReadAndItsContextsAreShared() throws {
        let files = try CertificateFiles(.make(names: ["localhost"], days: 1))
        defer { #expect(throws: Never.self) { try files.remove() } }
        let certificates = try TLSCertificates(configuration: files.configuration, logger: CertificateFiles.quietLogger)
        let first = try certificates.context(applicationProtocols: ["h2"])
        #expect(try certificates.context(applicationProtocols: ["h2"]) === first)
        #expect(try certificates.context(applicationProtocols: []) !== first)
        #expect(certificates.reloadIfChanged() == .unchanged)
        #expect(try certificates.context(applicationProtocols: ["h2"]) === first)
    }

    @Test func aNewPairIsTakenAndABadOneIsNot() throws {
        let files = try CertificateFiles(.make(names: ["localhost"], days: 1))
        defer { #expect(throws: Never.self) { try files.remove() } }
        let certificates = try TLSCertificates(configuration: files.configuration, logger: CertificateFiles.quietLogger)
        let first = try certificates.context(applicationProtocols: ["h2"])

        let next = try SelfSignedCertificate.make(names: ["localhost"], days: 2)
        try files.write(certificate: next.certificate)
        guard case .refused(.pairRefused) = certificates.reloadIfChanged() else {
            Issue.record("a certificate with another's key was not refused")
            return
        }
        #expect(certificates.reloadIfChanged() == .unchanged, "told of once")
        #expect(try certificates.context(applicationProtocols: ["h2"]) === first)

        try files.write(key: next.key)
        #expect(certificates.reloadIfChanged() == .reloaded)
        #expect(try certificates.context(applicationProtocols: ["h2"]) !== first)
    }

    @Test func aFileThatIsGoneLeavesTheOldPair() throws {
        let files = try CertificateFiles(.make(names: ["localhost"], days: 1))
        let certificates = try TLSCertificates(configuration: files.configuration, logger: CertificateFiles.quietLogger)
        let first = try certificates.context(applicationProtocols: [])
        try files.remove()
        guard case .refused(.certificateUnreadable) = certificates.reloadIfChanged() else {
            Issue.record("a missing file was not told of")
            return
        }
        #expect(try certificates.context(applicationProtocols: []) === first)
    }

    @Test func mistakesShowAtStart() throws {
        let pair = try SelfSignedCertificate.make(names: ["localhost"], days: 1)
        let files = try CertificateFiles(pair)
        defer { #expect(throws: Never.self) { try files.remove() } }
        func problem() -> TLSProblem? {
            do throws(TLSProblem) {
                _ = try TLSCertificates(configuration: files.configuration, logger: CertificateFiles.quietLogger)
                return nil
            } catch {
                return error
            }
        }
        #expect(problem() == nil)
        try files.write(key: "not a key")
        guard case .keyUnreadable(let path, _) = problem() else {
            Issue.record("bad key accepted")
            return
        }
        #expect(path == files.key)
        try files.write(certificate: "")
        guard case .certificateUnreadable = problem() else {
            Issue.record("empty certificate accepted")
            return
        }
        try files.write(SelfSignedCertificate(certificate: pair.certificate, key: SelfSignedCertificate.make(names: ["b"], days: 1).key))
        guard case .pairRefused = problem() else {
            Issue.record("another's key accepted")
            return
        }
    }

    @Test func theWatchTakesAChangeAndEndsWhenCancelled() async throws {
        let files = try CertificateFiles(.make(names: ["localhost"], days: 1))
        defer { #expect(throws: Never.self) { try files.remove() } }
        let certificates = try TLSCertificates(configuration: files.configuration, logger: CertificateFiles.quietLogger)
        let first = try certificates.context(applicationProtocols: [])
        let watch = Task { await certificates.watch(every: .milliseconds(5)) }
        try files.write(.make(names: ["localhost"], days: 1))
        try await eventually("the new one is used") { try certificates.context(applicationProtocols: []) !== first }
        watch.cancel()
        await watch.value
    }
}
