import Glibc

/// Looks through fragmented mp4: pairs of `moof` and `mdat` (ISO/IEC 14496-12 §4.2, §8.8). Only the headers of the top-level boxes are read.
struct FragmentScan {
    private(set) var result = RecordingScan()

    init(_ descriptor: Int32, length: Int64) {
        self.result.isOurs = length < 8 || Self.header(at: 0, in: descriptor)?.type == "ftyp"
        var position: Int64 = 0
        var (hasHeader, fragmentIsOpen) = (false, false)
        while let box = Self.header(at: position, in: descriptor), box.size <= length - position {
            position += box.size
            switch box.type {
            case "moov":
                hasHeader = true
                self.result.wholeBytes = position
            case "moof":
                fragmentIsOpen = hasHeader
            case "mdat" where fragmentIsOpen:
                fragmentIsOpen = false
                self.result.fragments += 1
                self.result.wholeBytes = position
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
