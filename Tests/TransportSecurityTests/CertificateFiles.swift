import Foundation
import Logging
import TransportSecurity

/// A pair in a folder of its own, which is removed by `remove()`.
struct CertificateFiles {
    let folder: URL
    var certificate: String { self.folder.appendingPathComponent("certificate.pem").path }
    var key: String { self.folder.appendingPathComponent("key.pem").path }
    var configuration: TLSCertificates.Configuration { .init(certificatePath: self.certificate, keyPath: self.key) }

    init(_ pair: SelfSignedCertificate) throws {
        self.folder = FileManager.default.temporaryDirectory.appendingPathComponent("martlet-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: self.folder, withIntermediateDirectories: true)
        try self.write(pair)
    }

    func write(_ pair: SelfSignedCertificate) throws {
        try self.write(certificate: pair.certificate)
        try self.write(key: pair.key)
    }

    /// Written aside and moved, as renewal tools do it.
    func write(certificate: String) throws { try Data(certificate.utf8).write(to: URL(fileURLWithPath: self.certificate), options: .atomic) }
    func write(key: String) throws { try Data(key.utf8).write(to: URL(fileURLWithPath: self.key), options: .atomic) }

    func remove() throws { try FileManager.default.removeItem(at: self.folder) }

    static var quietLogger: Logger {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }
}
