public import AV
import Glibc

/// Writes pictures so that whoever reads one finds a whole one. Blocks.
public enum PictureFile {
    /// Begins the names of files that are being written; such names are not given out.
    static let temporaryPrefix = "."

    /// Replaces the file of that name in one step. After a power failure there may be none: pictures can be made again.
    public static func write(_ bytes: [UInt8], to name: String, in directory: String) throws(AVFailure) {
        let temporary = "\(directory)/\(Self.temporaryPrefix)\(name)"
        do throws(AVFailure) {
            let sink = try FileSink(path: temporary, creation: .replacing)
            var failure: AVFailure?
            bytes.withUnsafeBytes { bytes in
                do throws(AVFailure) { try sink.write(bytes) } catch { failure = error }
            }
            if let failure { throw failure }
            guard rename(temporary, "\(directory)/\(name)") == 0 else { throw AVFailure.system("rename picture", errno: errno) }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    /// Gives `name` the content that another file has, in one step.
    static func copy(_ source: String, to name: String, in directory: String) throws(AVFailure) {
        let temporary = "\(directory)/\(Self.temporaryPrefix)\(name)"
        unlink(temporary)
        guard link("\(directory)/\(source)", temporary) == 0 else { throw AVFailure.system("link picture", errno: errno) }
        guard rename(temporary, "\(directory)/\(name)") == 0 else {
            let code = errno
            unlink(temporary)
            throw AVFailure.system("rename picture", errno: code)
        }
        // Where both names are one file already, rename(2) does nothing and leaves the two as they are.
        unlink(temporary)
    }

    /// Whether it is there or not.
    public static func remove(_ name: String, in directory: String) { unlink("\(directory)/\(name)") }

    /// Removes what a process that died was writing: files whose names, without the prefix, are such.
    static func removeTemporaries(in directory: String, where isOurs: (Substring) -> Bool) {
        guard let folder = opendir(directory) else { return }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name.hasPrefix(Self.temporaryPrefix), isOurs(name.dropFirst(Self.temporaryPrefix.count)) { unlink("\(directory)/\(name)") }
        }
    }

    /// Removes what a process that died was writing, and the oldest files when there are more than `most`.
    static func sweep(_ directory: String, most: Int) {
        guard let folder = opendir(directory) else { return }
        var files: [(name: String, modified: Int)] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            guard name != ".", name != ".." else { continue }
            if name.hasPrefix(Self.temporaryPrefix) {
                unlink("\(directory)/\(name)")
                continue
            }
            var status = stat()
            guard stat("\(directory)/\(name)", &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            files.append((name, status.st_mtim.tv_sec))
        }
        closedir(folder)
        guard files.count > most else { return }
        for file in files.sorted(by: { $0.modified < $1.modified }).prefix(files.count - most) { unlink("\(directory)/\(file.name)") }
    }
}
