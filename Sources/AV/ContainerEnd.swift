import Glibc

/// Whether a file has the bytes that its container says it has. A few headers are read and never the media; what says nothing, as files that are made
/// live do, counts as whole.
struct ContainerEnd {
    /// Headers that are looked at, of a file that has several.
    private static let mostHeaders = 1_000
    /// How many bytes may be missing where writers are known to be off by some: a hundredth, and no more than that.
    private static let mostSlack: UInt64 = 64 << 10

    private let descriptor: Int32
    private let size: UInt64

    /// - Parameter formatName: FFmpeg's name of the container.
    static func isThere(_ path: String, formatName: String) throws(AVFailure) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("open file", errno: errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw .system("open file", errno: errno) }
        let end = Self(descriptor: descriptor, size: UInt64(clamping: status.st_size))
        let names = formatName.split(separator: ",")
        if names.contains("matroska") { return end.holdsSegment }
        if names.contains("avi") { return end.holdsChunks }
        if names.contains("asf") { return end.reaches(end.claimOfASF) }
        if names.contains("mp3") { return end.reaches(end.claimOfMP3) }
        if names.contains("flv") { return end.reaches(end.claimOfFLV) }
        return true
    }

    private func reaches(_ claim: UInt64?) -> Bool {
        guard let claim else { return true }
        return self.size >= claim - min(claim, min(Self.mostSlack, claim / 100))
    }

    /// Up to so many bytes.
    private func read(_ count: Int, at offset: UInt64) -> [UInt8] {
        guard let offset = off_t(exactly: offset) else { return [] }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = max(0, pread(self.descriptor, buffer.baseAddress, count, offset))
        }
    }

    private static func little(_ bytes: some Sequence<UInt8>) -> UInt64 { Array(bytes).reversed().reduce(0) { $0 << 8 | UInt64($1) } }
    private static func big(_ bytes: some Sequence<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }

    // MARK: Matroska and WebM

    /// RFC 8794 §4: the EBML header, then the Segment, whose size may be unknown.
    private var holdsSegment: Bool {
        var offset: UInt64 = 0
        for _ in 0..<16 {
            let head = self.read(16, at: offset)
            guard let first = head.first, let idLength = Self.length(first), idLength <= 4, head.count > idLength,
                let sizeLength = Self.length(head[idLength]), head.count >= idLength + sizeLength
            else { return true }
            let id = Self.big(head[..<idLength])
            let mask: UInt64 = (1 << (7 * UInt64(sizeLength))) - 1
            let length = Self.big(head[idLength..<(idLength + sizeLength)]) & mask
            let start = offset + UInt64(idLength + sizeLength)
            // All ones: unknown.
            guard length != mask else { return true }
            let (end, overflow) = start.addingReportingOverflow(length)
            if id == 0x1853_8067 { return !overflow && end <= self.size }
            guard !overflow, end < self.size else { return true }
            offset = end
        }
        return true
    }

    /// Of an EBML number that begins with this byte.
    private static func length(_ first: UInt8) -> Int? { first == 0 ? nil : first.leadingZeroBitCount + 1 }

    // MARK: AVI

    /// One RIFF chunk, and with OpenDML further ones behind it.
    private var holdsChunks: Bool {
        var offset: UInt64 = 0
        for _ in 0..<Self.mostHeaders {
            let head = self.read(12, at: offset)
            guard head.count == 12, head.starts(with: Array("RIFF".utf8)) else { return true }
            let length = Self.little(head[4..<8])
            // Never filled in.
            guard length > 4, length < 0xFFFF_FFF0 else { return true }
            guard self.reaches(offset + 8 + length) else { return false }
            offset += 8 + length + length % 2
        }
        return true
    }

    // MARK: ASF

    private static let asfHeader: [UInt8] = [0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11, 0xA6, 0xD9, 0x00, 0xAA, 0x00, 0x62, 0xCE, 0x6C]
    private static let asfProperties: [UInt8] = [0xA1, 0xDC, 0xAB, 0x8C, 0x47, 0xA9, 0xCF, 0x11, 0x8E, 0xE4, 0x00, 0xC0, 0x0C, 0x20, 0x53, 0x65]

    /// ASF 1.2 §3.2: the file's size in its properties, which means nothing in a broadcast.
    private var claimOfASF: UInt64? {
        let head = self.read(30, at: 0)
        guard head.count == 30, head.starts(with: Self.asfHeader) else { return nil }
        let end = Self.little(head[16..<24])
        var offset: UInt64 = 30
        for _ in 0..<Self.mostHeaders where offset < end {
            let object = self.read(92, at: offset)
            guard object.count == 92 else { return nil }
            guard object.starts(with: Self.asfProperties) else {
                let (next, overflow) = offset.addingReportingOverflow(max(24, Self.little(object[16..<24])))
                guard !overflow else { return nil }
                offset = next
                continue
            }
            return object[88] & 1 == 0 ? Self.little(object[40..<48]) : nil
        }
        return nil
    }

    // MARK: MP3

    /// The number of bytes in the Xing or Info header of the first frame, behind the ID3 tags.
    private var claimOfMP3: UInt64? {
        var offset: UInt64 = 0
        for _ in 0..<16 {
            let tag = self.read(10, at: offset)
            guard tag.count == 10, tag.starts(with: Array("ID3".utf8)) else { break }
            let length = tag[6..<10].reduce(0 as UInt64) { $0 << 7 | UInt64($1 & 0x7F) }
            offset += 10 + length + (tag[5] & 0x10 != 0 ? 10 : 0)
        }
        let bytes = self.read(4 << 10, at: offset)
        guard let frame = bytes.indices.dropLast(64).first(where: { bytes[$0] == 0xFF && bytes[$0 + 1] & 0xE0 == 0xE0 }) else { return nil }
        // Behind the frame's head and side information, which are 13 to 38 bytes.
        for place in (frame + 4)..<(frame + 48) where place + 16 <= bytes.count {
            guard bytes[place...].starts(with: Array("Xing".utf8)) || bytes[place...].starts(with: Array("Info".utf8)) else { continue }
            let flags = bytes[place + 7]
            guard flags & 2 != 0 else { return nil }
            let field = place + 8 + (flags & 1 != 0 ? 4 : 0)
            return offset + UInt64(frame) + Self.big(bytes[field..<(field + 4)])
        }
        return nil
    }

    // MARK: FLV

    /// `filesize` of the `onMetaData` that most writers begin with.
    private var claimOfFLV: UInt64? {
        let bytes = self.read(16 << 10, at: 0)
        let name = [0, 8] + Array("filesize".utf8) + [0]
        guard bytes.count > name.count + 8,
            let place = bytes.indices.dropLast(name.count + 8).first(where: { bytes[$0] == 0 && bytes[$0...].starts(with: name) })
        else { return nil }
        let value = Double(bitPattern: Self.big(bytes[(place + name.count)..<(place + name.count + 8)]))
        return value > 0 ? UInt64(exactly: value.rounded()) : nil
    }
}
