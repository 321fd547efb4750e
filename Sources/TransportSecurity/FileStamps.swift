import Glibc

/// What tells that one of two files is another than before: which file it is, how long, and when it was written.
struct FileStamps: Equatable {
    private struct Stamp: Equatable {
        var device: UInt
        var inode: UInt
        var size: Int
        var seconds: Int
        var nanoseconds: Int
    }

    private let certificate: Stamp?
    private let key: Stamp?

    init(_ configuration: TLSCertificates.Configuration) {
        self.certificate = Self.stamp(configuration.certificatePath)
        self.key = Self.stamp(configuration.keyPath)
    }

    /// nil while there is no such file. Follows links, which is how certificates are often replaced.
    private static func stamp(_ path: String) -> Stamp? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Stamp(
            device: UInt(status.st_dev), inode: UInt(status.st_ino), size: Int(status.st_size), seconds: status.st_mtim.tv_sec,
            nanoseconds: status.st_mtim.tv_nsec)
    }
}
