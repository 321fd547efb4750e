import Glibc
import Media

/// Looks through WebM while it is being written: a segment of unknown length with clusters that say theirs (RFC 8794 §5, RFC 9559 §5). Only the heads
/// of elements are read, and those of the blocks of the last cluster, which tell how long the file is.
struct ClusterScan {
    private enum ID {
        static let header: UInt32 = 0x1A45_DFA3
        static let segment: UInt32 = 0x1853_8067
        static let tracks: UInt32 = 0x1654_AE6B
        static let cluster: UInt32 = 0x1F43_B675
        static let timestamp: UInt32 = 0xE7
        static let simpleBlock: UInt32 = 0xA3
        static let blockGroup: UInt32 = 0xA0
        static let block: UInt32 = 0xA1
    }

    private struct Element {
        var id: UInt32
        /// Where its content begins and ends.
        var start: Int64
        var end: Int64
        var isEndless = false
    }

    /// Far more than a cluster of a second has.
    private static let mostBlocks = 100_000
    /// Assumed of the last picture or sound.
    private static let lastBlock: Int64 = 20

    private let descriptor: Int32
    private let length: Int64
    private(set) var result = RecordingScan()

    init(_ descriptor: Int32, length: Int64) {
        self.descriptor = descriptor
        self.length = length
        let head = self.element(at: 0)
        self.result.isOurs = length < 4 || head?.id == ID.header
        guard let head, head.id == ID.header, let segment = self.element(at: head.end), segment.id == ID.segment else { return }
        self.scan(segment)
    }

    private mutating func scan(_ segment: Element) {
        var (hasTracks, last) = (false, Element?.none)
        var position = segment.start
        while position < segment.end, let element = self.element(at: position), !element.isEndless, element.end <= self.length {
            position = element.end
            if element.id == ID.tracks { hasTracks = true }
            guard element.id == ID.cluster, hasTracks else { continue }
            self.result.fragments += 1
            self.result.wholeBytes = position
            last = element
        }
        if let last { self.result.duration = self.end(of: last).map { MediaTime(milliseconds: $0) } }
    }

    /// Milliseconds, as FFmpeg's writer counts them; nil for a cluster that does not say.
    private func end(of cluster: Element) -> Int64? {
        var (base, newest) = (Int64?.none, Int64(0))
        var position = cluster.start
        for _ in 0..<Self.mostBlocks {
            guard position < cluster.end, let element = self.element(at: position), element.end <= cluster.end else { break }
            position = element.end
            switch element.id {
            case ID.timestamp: base = self.integer(at: element.start, bytes: Int(min(element.end - element.start, 8)))
            case ID.simpleBlock: newest = max(newest, self.blockTime(element))
            case ID.blockGroup:
                guard let block = self.element(at: element.start), block.id == ID.block else { continue }
                newest = max(newest, self.blockTime(block))
            default: break
            }
        }
        guard let base, base < 1 << 50 else { return nil }
        return base + newest + Self.lastBlock
    }

    /// Relative to its cluster. The number of the track comes first, of one byte: there are two tracks at most.
    private func blockTime(_ block: Element) -> Int64 {
        guard let bytes = self.integer(at: block.start + 1, bytes: 2) else { return 0 }
        return Int64(Int16(truncatingIfNeeded: bytes))
    }

    /// nil where there is no whole head, or none that makes sense.
    private func element(at position: Int64) -> Element? {
        var bytes = [UInt8](repeating: 0, count: 12)
        let count = pread(self.descriptor, &bytes, bytes.count, off_t(position))
        guard count >= 2 else { return nil }
        let idLength = bytes[0].leadingZeroBitCount + 1
        guard idLength <= 4, idLength < count else { return nil }
        let id = bytes[..<idLength].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let sizeLength = bytes[idLength].leadingZeroBitCount + 1
        guard sizeLength <= 8, idLength + sizeLength <= count else { return nil }
        let mask = UInt64(1) << UInt64(7 * sizeLength) - 1
        let size = bytes[idLength..<(idLength + sizeLength)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) } & mask
        let start = position + Int64(idLength + sizeLength)
        // All ones: as long as there is something (RFC 8794 §6.2).
        if size == mask { return Element(id: id, start: start, end: Int64.max, isEndless: true) }
        let (end, overflow) = start.addingReportingOverflow(Int64(clamping: size))
        return overflow ? nil : Element(id: id, start: start, end: end)
    }

    private func integer(at position: Int64, bytes count: Int) -> Int64? {
        var bytes = [UInt8](repeating: 0, count: max(count, 1))
        guard count > 0, pread(self.descriptor, &bytes, count, off_t(position)) == count else { return nil }
        return Int64(clamping: bytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
}
