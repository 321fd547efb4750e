import Glibc

/// Whole files, also those of /proc that have no length.
enum FileBytes {
    static func read(_ path: String) throws(LoadFailure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .lastError(of: path) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            guard count >= 0 else { throw .lastError(of: path) }
            if count == 0 { return bytes }
            bytes += piece[..<count]
        }
    }

    static func text(_ path: String) throws(LoadFailure) -> String { String(decoding: try self.read(path), as: UTF8.self) }

    static func write(_ text: String, to path: String) throws(LoadFailure) { try self.write(bytes: Array(text.utf8), to: path) }

    static func write(bytes: [UInt8], to path: String) throws(LoadFailure) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .lastError(of: path) }
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw .lastError(of: path) }
            rest = rest.dropFirst(count)
        }
    }
}
