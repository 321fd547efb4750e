import COpenSSL
import Glibc

/// A certificate nobody vouches for, for trying out and for tests. An ECDSA key on P-256, signed with SHA-256.
public struct SelfSignedCertificate: Sendable, Equatable {
    /// PEM.
    public let certificate: String
    /// PEM, PKCS #8, not encrypted.
    public let key: String

    /// - Parameters:
    ///   - names: host names and IP addresses it is for; the first is also its common name. 1...100 of them, each of letters, digits, dots, colons,
    ///     hyphens and `*`, up to 253 bytes.
    ///   - days: how long it is valid, from an hour ago on; 1...3650.
    public static func make(names: [String], days: Int) throws(TLSProblem) -> SelfSignedCertificate {
        guard (1...100).contains(names.count), names.allSatisfy(self.isName), (1...3650).contains(days) else { throw .generationFailed }
        guard let key = shim_generate_p256_key() else { throw .generationFailed }
        defer { EVP_PKEY_free(key) }
        guard let certificate = X509_new() else { throw .generationFailed }
        defer { X509_free(certificate) }
        try self.fill(certificate, key: key, names: names, days: days)
        guard X509_sign(certificate, key, EVP_sha256()) > 0 else { throw .generationFailed }
        return SelfSignedCertificate(
            certificate: try self.pem { PEM_write_bio_X509($0, certificate) },
            key: try self.pem { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) })
    }

    private static func fill(_ certificate: OpaquePointer, key: OpaquePointer, names: [String], days: Int) throws(TLSProblem) {
        var serial = [UInt8](repeating: 0, count: 16)
        guard RAND_bytes(&serial, Int32(serial.count)) == 1, let number = BN_bin2bn(serial, Int32(serial.count), nil) else {
            throw .generationFailed
        }
        defer { BN_free(number) }
        let subject = X509_get_subject_name(certificate)
        // A common name holds at most 64 characters; who looks for names looks at the extension.
        let commonName = Array(names[0].utf8.prefix(64))
        guard X509_set_version(certificate, 2) == 1, BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nil,
            X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) != nil,
            X509_gmtime_adj(X509_getm_notAfter(certificate), days * 86_400) != nil, X509_set_pubkey(certificate, key) == 1,
            X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, commonName, Int32(commonName.count), -1, 0) == 1,
            X509_set_issuer_name(certificate, subject) == 1
        else { throw .generationFailed }
        let alternatives = names.map { (self.isAddress($0) ? "IP:" : "DNS:") + $0 }.joined(separator: ",")
        try self.add(NID_subject_alt_name, alternatives, to: certificate)
        try self.add(NID_basic_constraints, "critical,CA:FALSE", to: certificate)
        try self.add(NID_key_usage, "critical,digitalSignature", to: certificate)
        try self.add(NID_ext_key_usage, "serverAuth", to: certificate)
    }

    private static func add(_ kind: Int32, _ value: String, to certificate: OpaquePointer) throws(TLSProblem) {
        var context = X509V3_CTX()
        shim_set_issuer(&context, certificate)
        guard let added = X509V3_EXT_conf_nid(nil, &context, kind, value) else { throw .generationFailed }
        defer { X509_EXTENSION_free(added) }
        guard X509_add_ext(certificate, added, -1) == 1 else { throw .generationFailed }
    }

    private static func pem(_ write: (OpaquePointer) -> Int32) throws(TLSProblem) -> String {
        guard let bio = BIO_new(BIO_s_mem()) else { throw .generationFailed }
        defer { BIO_free(bio) }
        var bytes: UnsafeMutablePointer<CChar>?
        guard write(bio) == 1 else { throw .generationFailed }
        let count = shim_memory_contents(bio, &bytes)
        guard count > 0, let bytes else { throw .generationFailed }
        return String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    /// OpenSSL reads the names as a list with commas, so nothing else may be in them.
    private static func isName(_ name: String) -> Bool {
        guard (1...253).contains(name.utf8.count) else { return false }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: ":"):
                true
            default: false
            }
        }
    }

    private static func isAddress(_ name: String) -> Bool {
        var (v4, v6) = (in_addr(), in6_addr())
        return inet_pton(AF_INET, name, &v4) == 1 || inet_pton(AF_INET6, name, &v6) == 1
    }
}
