import Glibc
import Media
import NIOCore

/// Brings access units of H.264 or HEVC from FFmpeg's two forms (start codes, or length prefixes of any size) to the one of `EncodedFrame`:
/// 4-byte lengths, no parameter sets, delimiters and fillers. The bytes are copied once, and nothing is allocated while nothing new comes.
struct NALRewriter {
    struct AccessUnit {
        /// Empty when there was nothing but parameter sets.
        var payload: ByteBuffer
        /// It holds an IDR picture (H.264) or a random access point (HEVC).
        var isRandomAccessPoint = false
        /// There is a slice in it.
        var hasPicture = false
        /// All parameter sets of the access unit when one of them was not there before; empty otherwise.
        var newParameterSets: [[UInt8]] = []
    }

    private enum Role {
        case parameterSet
        case randomAccessPoint
        case slice
        case dropped
        case other
    }

    private static let mostUnits = 4096
    private static let mostSets = 64

    private let codec: Codec
    /// Bytes of the length before each unit, 1, 2 or 4; 0: start codes.
    private let lengthSize: Int
    /// Of the access unit in hand; kept for its memory.
    private var kept: [Range<Int>] = []
    private var sets: [Range<Int>] = []
    private var known: [[UInt8]] = []

    init(codec: Codec, lengthSize: Int, known: [[UInt8]] = []) {
        self.codec = codec
        self.lengthSize = lengthSize
        self.known = known
    }

    /// - Throws: `truncated` for a length beyond the end, `limitExceeded` for more units than any encoder makes.
    mutating func rewrite(_ source: UnsafeRawBufferPointer, into slab: PayloadSlab) throws(MediaError) -> AccessUnit {
        self.kept.removeAll(keepingCapacity: true)
        self.sets.removeAll(keepingCapacity: true)
        var unit = AccessUnit(payload: ByteBuffer())
        if self.lengthSize == 0 {
            try Self.scanStartCodes(source) { range throws(MediaError) in try self.sort(range, of: source, in: &unit) }
        } else {
            try self.scanLengths(source) { range throws(MediaError) in try self.sort(range, of: source, in: &unit) }
        }
        let kept = self.kept
        let count = kept.reduce(0) { $0 + $1.count + 4 }
        unit.payload = slab.make(count) { target in
            var position = 0
            for range in kept {
                target.storeBytes(of: UInt32(truncatingIfNeeded: range.count).bigEndian, toByteOffset: position, as: UInt32.self)
                UnsafeMutableRawBufferPointer(rebasing: target[(position + 4)...]).copyMemory(from: UnsafeRawBufferPointer(rebasing: source[range]))
                position += 4 + range.count
            }
        }
        if self.hasNewSet(source) {
            unit.newParameterSets = self.sets.map { Array(source[$0]) }
            self.remember(unit.newParameterSets)
        }
        return unit
    }

    /// The units of a byte stream (Annex B of both codecs), without the zeros around them; whatever stands before the first start code is skipped.
    static func scanStartCodes(_ source: UnsafeRawBufferPointer, _ found: (Range<Int>) throws(MediaError) -> Void) throws(MediaError) {
        var index = 0
        var start: Int?
        let count = source.count
        while index + 2 < count {
            let third = source[index + 2]
            if third > 1 {
                index += 3
            } else if third == 0 {
                index += 1
            } else {
                if source[index] == 0, source[index + 1] == 0 {
                    if let start { try self.end(start, index, source, found) }
                    start = index + 3
                }
                index += 3
            }
        }
        if let start { try self.end(start, count, source, found) }
    }

    private static func end(
        _ start: Int, _ end: Int, _ source: UnsafeRawBufferPointer, _ found: (Range<Int>) throws(MediaError) -> Void
    ) throws(MediaError) {
        var end = end
        while end > start, source[end - 1] == 0 { end -= 1 }
        if end > start { try found(start..<end) }
    }

    private func scanLengths(_ source: UnsafeRawBufferPointer, _ found: (Range<Int>) throws(MediaError) -> Void) throws(MediaError) {
        var position = 0
        while position < source.count {
            guard source.count - position >= self.lengthSize else { throw .truncated }
            var length = 0
            for index in 0..<self.lengthSize { length = length << 8 | Int(source[position + index]) }
            position += self.lengthSize
            guard length <= source.count - position else { throw .truncated }
            if length > 0 { try found(position..<position + length) }
            position += length
        }
    }

    private mutating func sort(_ range: Range<Int>, of source: UnsafeRawBufferPointer, in unit: inout AccessUnit) throws(MediaError) {
        guard self.kept.count < Self.mostUnits, self.sets.count < Self.mostSets else { throw .limitExceeded }
        switch self.role(header: source[range.lowerBound]) {
        case .parameterSet:
            guard self.isPlausible(set: range, of: source) else { throw .invalidValue }
            self.sets.append(range)
        case .dropped:
            break
        case .randomAccessPoint:
            unit.isRandomAccessPoint = true
            unit.hasPicture = true
            self.kept.append(range)
        case .slice:
            unit.hasPicture = true
            self.kept.append(range)
        case .other:
            self.kept.append(range)
        }
    }

    /// The reserved 16 bits of a video parameter set (HEVC §7.3.2.1): an H.264 slice that is taken for one does not have them.
    private func isPlausible(set range: Range<Int>, of source: UnsafeRawBufferPointer) -> Bool {
        guard self.codec == .hevc, HEVCNALUnitType(header: source[range.lowerBound]) == .videoParameterSet else { return true }
        return range.count >= 6 && source[range.lowerBound + 4] == 0xFF && source[range.lowerBound + 5] == 0xFF
    }

    private func role(header: UInt8) -> Role {
        if self.codec == .hevc {
            let type = HEVCNALUnitType(header: header)
            if type.isRandomAccessPoint { return .randomAccessPoint }
            switch type {
            case .videoParameterSet, .sequenceParameterSet, .pictureParameterSet: return .parameterSet
            case .accessUnitDelimiter, .fillerData: return .dropped
            // Table 7-1: the types below 32 are those of the coded pictures.
            default: return type.rawValue < 32 ? .slice : .other
            }
        }
        switch AVCNALUnitType(header: header) {
        case .instantaneousDecoderRefresh: return .randomAccessPoint
        case .sequenceParameterSet, .pictureParameterSet, .sequenceParameterSetExtension: return .parameterSet
        case .accessUnitDelimiter, .fillerData: return .dropped
        // Table 7-1: 1 is a slice; the data partitions of 2 to 4 are in no profile that anybody uses, and what HEVC's slices look like here.
        case nil: return header & 0x1F == 1 ? .slice : .other
        }
    }

    private func hasNewSet(_ source: UnsafeRawBufferPointer) -> Bool {
        self.sets.contains { range in
            !self.known.contains { known in
                known.count == range.count
                    && known.withUnsafeBytes { bytes in
                        guard let one = bytes.baseAddress, let start = source.baseAddress else { return false }
                        return memcmp(one, start + range.lowerBound, range.count) == 0
                    }
            }
        }
    }

    /// New sets take the place of all of their type, so that going back to earlier ones is news again.
    private mutating func remember(_ new: [[UInt8]]) {
        func type(_ set: [UInt8]) -> UInt8 { self.codec == .hevc ? set[0] & 0x7E : set[0] & 0x1F }
        let types = Set(new.map(type))
        self.known.removeAll { types.contains(type($0)) }
        self.known += new
    }
}
