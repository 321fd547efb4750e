import ArgumentParser
import Foundation
import TransportSecurity

/// `martlet certificate`: a certificate for trying out HTTPS and RTMPS, that nobody vouches for.
struct CertificateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "certificate",
        abstract: "Make a self-signed certificate and its key, for trying out.",
        discussion: "Clients will warn of it. Files that are there already are not overwritten.")

    @Argument(help: "Host names and IP addresses it is for.")
    var names: [String] = ["localhost", "127.0.0.1", "::1"]

    @Option(help: "Where the certificate goes.")
    var certificate = "martlet.crt"

    @Option(help: "Where the private key goes; only its owner may read it.")
    var key = "martlet.key"

    @Option(help: "Days it is valid, 1 to 3650.")
    var days = 365

    func run() throws {
        do {
            try SelfSignedCertificate.make(names: self.names, days: self.days).write(certificatePath: self.certificate, keyPath: self.key)
        } catch {
            FileHandle.standardError.write(Data("martlet: \(error)\n".utf8))
            throw ExitCode(1)
        }
        print("MARTLET_HTTPS_CERTIFICATE=\(self.certificate) MARTLET_HTTPS_KEY=\(self.key) martlet serve")
    }
}
