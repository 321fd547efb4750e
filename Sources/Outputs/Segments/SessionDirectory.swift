import Glibc
import NIOCore
import Synchronization

/// The segments of one publish session on disk. Nobody else writes to or removes from its folder, and it removes nothing outside it.
///
/// All calls block and belong on the thread pool; the lock is taken by pool threads only and keeps a late write from reviving a removed folder.
final class SessionDirectory: Sendable {
    struct Failure: Error {
        var call: String
        var errno: Int32
    }

    /// Folders of sessions are told from anything else by this.
    static let prefix = "session-"

    let path: String
    private let state: Mutex<(isMade: Bool, isRemoved: Bool)>

    init(parent: String, session: String) {
        self.path = "\(parent)/\(SessionDirectory.prefix)\(session)"
        self.state = Mutex((false, false))
    }

    func filePath(_ number: UInt64) -> String { "\(self.path)/\(number).m4s" }

    /// False when the session is over.
    func write(_ bytes: ByteBuffer, number: UInt64) throws(Failure) -> Bool {
        let outcome: Result<Bool, Failure> = self.state.withLock { state in
            guard !state.isRemoved else { return .success(false) }
            if !state.isMade {
                guard mkdir(self.path, 0o750) == 0 || errno == EEXIST else { return .failure(Failure(call: "mkdir", errno: errno)) }
                state.isMade = true
            }
            return SessionDirectory.write(bytes, to: self.filePath(number)).map { true }
        }
        return try outcome.get()
    }

    private static func write(_ bytes: ByteBuffer, to path: String) -> Result<Void, Failure> {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard descriptor >= 0 else { return .failure(Failure(call: "open", errno: errno)) }
        defer { close(descriptor) }
        let failed: Int32? = bytes.withUnsafeReadableBytes { bytes in
            var written = 0
            while written < bytes.count {
                let count = Glibc.write(descriptor, bytes.baseAddress?.advanced(by: written), bytes.count - written)
                if count < 0 {
                    if errno == EINTR { continue }
                    return errno
                }
                written += count
            }
            return nil
        }
        guard let failed else { return .success(()) }
        unlink(path)
        return .failure(Failure(call: "write", errno: failed))
    }

    /// So many bytes of a file; nil when it is gone or shorter.
    static func read(_ path: String, offset: Int = 0, length: Int) -> ByteBuffer? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = ByteBufferAllocator().buffer(capacity: length)
        while bytes.readableBytes < length {
            let wanted = length - bytes.readableBytes
            let place = off_t(offset + bytes.readableBytes)
            let count = bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: wanted) { target in
                max(0, pread(descriptor, target.baseAddress, wanted, place))
            }
            guard count > 0 else { return nil }
        }
        return bytes
    }

    func remove(_ numbers: [UInt64]) {
        self.state.withLock { state in
            guard state.isMade, !state.isRemoved else { return }
            for number in numbers { unlink(self.filePath(number)) }
        }
    }

    /// The folder and what is in it. Later writes do nothing.
    func removeAll() {
        self.state.withLock { state in
            guard !state.isRemoved else { return }
            state.isRemoved = true
            if state.isMade { SessionDirectory.removeFolder(self.path) }
        }
    }

    /// Removes the folders of all sessions below `parent`, and makes `parent` when it is not there. For the start of a process only.
    static func sweep(parent: String) throws(Failure) {
        try self.makeFolders(parent)
        guard let names = self.names(in: parent) else { throw Failure(call: "opendir", errno: errno) }
        for name in names where name.hasPrefix(self.prefix) { self.removeFolder("\(parent)/\(name)") }
    }

    private static func makeFolders(_ path: String) throws(Failure) {
        var made = path.hasPrefix("/") ? "" : "."
        for name in path.split(separator: "/") {
            made += "/\(name)"
            guard mkdir(made, 0o750) == 0 || errno == EEXIST else { throw Failure(call: "mkdir", errno: errno) }
        }
    }

    private static func removeFolder(_ path: String) {
        for name in self.names(in: path) ?? [] where name.hasSuffix(".m4s") { unlink("\(path)/\(name)") }
        rmdir(path)  // stays when somebody put something else there
    }

    private static func names(in path: String) -> [String]? {
        guard let folder = opendir(path) else { return nil }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != "." && name != ".." { names.append(name) }
        }
        return names
    }
}
