import Glibc

/// How much of a fragmented mp4 file is whole: what a process that was killed, or a disk that was full, has left.
struct FragmentScan: Equatable {
    /// Bytes up to the end of the last fragment that is all there.
    var wholeBytes: Int64 = 0
    /// Pairs of `moof` and `mdat`.
    var fragments = 0
    /// There is a movie header in front.
    var hasHeader = false
    /// Empty, or begins as the files do that we write.
    var isOurs = false

    /// Reads the headers of the top-level boxes only (ISO/IEC 14496-12 §4.2).
    init(path: String) throws(RecordingFailure) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw RecordingFailure.system("open", path, errno: errno) }
        defer { _ = close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw RecordingFailure.system("read", path, errno: errno) }
        let length = Int64(status.st_size)
        self.isOurs = length < 8 || Self.header(at: 0, in: descriptor)?.type == "ftyp"
        var position: Int64 = 0
        var fragmentIsOpen = false
        while let box = Self.header(at: position, in: descriptor), box.size <= length - position {
            position += box.size
            switch box.type {
            case "moov":
                self.hasHeader = true
                self.wholeBytes = position
            case "moof":
                fragmentIsOpen = self.hasHeader
            case "mdat" where fragmentIsOpen:
                fragmentIsOpen = false
                self.fragments += 1
                self.wholeBytes = position
            default:
                break
            }
        }
    }

    /// nil where there is no whole header, or none that makes sense: a box that reaches to the end of the file is never written.
    private static func header(at position: Int64, in descriptor: Int32) -> (type: String, size: Int64)? {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &bytes, 16, off_t(position))
        guard count >= 8 else { return nil }
        let type = String(decoding: bytes[4..<8], as: UTF8.self)
        let short = bytes[0..<4].reduce(Int64(0)) { $0 << 8 | Int64($1) }
        if short != 1 { return short >= 8 ? (type, short) : nil }
        guard count >= 16 else { return nil }
        let long = bytes[8..<16].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard let size = Int64(exactly: long), size >= 16 else { return nil }
        return (type, size)
    }
}
