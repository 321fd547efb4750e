import NIOSSL

/// A certificate chain and its key, known to belong together.
struct CertificatePair {
    private let chain: [NIOSSLCertificate]
    private let key: NIOSSLPrivateKey

    init(_ configuration: TLSCertificates.Configuration) throws(TLSProblem) {
        do {
            self.chain = try NIOSSLCertificate.fromPEMFile(configuration.certificatePath)
        } catch {
            throw .certificateUnreadable(path: configuration.certificatePath, reason: "\(error)")
        }
        if self.chain.isEmpty { throw .certificateUnreadable(path: configuration.certificatePath, reason: "there is no certificate in it") }
        do {
            self.key = try NIOSSLPrivateKey(file: configuration.keyPath, format: .pem)
        } catch {
            throw .keyUnreadable(path: configuration.keyPath, reason: "\(error)")
        }
        _ = try self.makeContext(applicationProtocols: [])
    }

    /// TLS 1.2 with forward secrecy and authenticated encryption only, and TLS 1.3.
    func makeContext(applicationProtocols: [String]) throws(TLSProblem) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: self.chain.map { .certificate($0) }, privateKey: .privateKey(self.key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.cipherSuiteValues = [
            .TLS_AES_128_GCM_SHA256, .TLS_AES_256_GCM_SHA384, .TLS_CHACHA20_POLY1305_SHA256,
            .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, .TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
            .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, .TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ]
        configuration.applicationProtocols = applicationProtocols
        configuration.renegotiationSupport = .none
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw .pairRefused(reason: "\(error)")
        }
    }
}
