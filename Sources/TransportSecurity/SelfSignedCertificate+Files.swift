import Glibc

extension SelfSignedCertificate {
    /// Writes both files, the key for its owner's eyes only. Nothing that is there already is overwritten, and of a pair that cannot be written
    /// whole nothing is left.
    public func write(certificatePath: String, keyPath: String) throws(TLSProblem) {
        try Self.create(keyPath, permissions: 0o600, content: self.key)
        do throws(TLSProblem) {
            try Self.create(certificatePath, permissions: 0o644, content: self.certificate)
        } catch {
            unlink(keyPath)
            throw error
        }
    }

    private static func create(_ path: String, permissions: mode_t, content: String) throws(TLSProblem) {
        let descriptor = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, permissions)
        guard descriptor >= 0 else { throw .unwritable(path: path, reason: Self.lastError()) }
        let bytes = Array(content.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            written += count
        }
        // Read before close(2), which may change it.
        let reason = Self.lastError()
        guard close(descriptor) == 0, written == bytes.count else {
            unlink(path)
            throw .unwritable(path: path, reason: reason)
        }
    }

    private static func lastError() -> String { String(cString: strerror(errno)) }
}
