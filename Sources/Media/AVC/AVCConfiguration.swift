/// AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.3.3.1): the parameter sets of an H.264 track.
public struct AVCConfiguration: Sendable, Hashable {
    /// Bytes of the length before each NAL unit as the source sends them: 1, 2 or 4. A `Track` always says 4.
    public let nalLengthSize: Int
    /// At least one; the first describes the track.
    public let sequenceParameterSets: [[UInt8]]
    /// At least one.
    public let pictureParameterSets: [[UInt8]]
    public let first: AVCSequenceParameterSet

    static let largestRecord = 1 << 16

    /// Parses a record. Bytes after the picture parameter sets (the high profiles' extension) are not needed and not checked: encoders disagree
    /// about them, and what they say stands in the sequence parameter set too.
    public init(record: [UInt8]) throws(MediaError) {
        guard record.count <= Self.largestRecord else { throw .limitExceeded }
        var cursor = ByteCursor(record)
        let version = try cursor.uint8()
        guard version == 1 else { throw .unsupportedVersion(version) }
        _ = try cursor.bytes(3)
        self.nalLengthSize = Int(try cursor.uint8() & 3) + 1
        guard self.nalLengthSize != 3 else { throw .invalidValue }
        self.sequenceParameterSets = try Self.sets(count: Int(cursor.uint8() & 0x1F), from: &cursor)
        self.pictureParameterSets = try Self.sets(count: Int(cursor.uint8()), from: &cursor)
        self.first = try Self.firstSet(self.sequenceParameterSets, self.pictureParameterSets)
    }

    /// From parameter sets found in the stream, each with its NAL header.
    public init(sequenceParameterSets: [[UInt8]], pictureParameterSets: [[UInt8]]) throws(MediaError) {
        let all = sequenceParameterSets + pictureParameterSets
        guard sequenceParameterSets.count <= 31, pictureParameterSets.count <= 255, all.allSatisfy({ $0.count <= Int(UInt16.max) }) else {
            throw .limitExceeded
        }
        self.nalLengthSize = 4
        self.sequenceParameterSets = sequenceParameterSets.filter { !$0.isEmpty }
        self.pictureParameterSets = pictureParameterSets.filter { !$0.isEmpty }
        self.first = try Self.firstSet(self.sequenceParameterSets, self.pictureParameterSets)
    }

    /// The record, with 4-byte lengths.
    public var record: [UInt8] {
        var bytes: [UInt8] = [1, self.first.profile, self.first.constraintFlags, self.first.level, 0xFF]
        bytes.append(0xE0 | UInt8(truncatingIfNeeded: self.sequenceParameterSets.count))
        for set in self.sequenceParameterSets { bytes.appendLengthAndBytes(of: set) }
        bytes.append(UInt8(truncatingIfNeeded: self.pictureParameterSets.count))
        for set in self.pictureParameterSets { bytes.appendLengthAndBytes(of: set) }
        if Self.profilesWithExtension.contains(self.first.profile) {
            bytes += [0xFC | self.first.chromaFormat, 0xF8 | (self.first.bitDepthLuma - 8), 0xF8 | (self.first.bitDepthChroma - 8), 0]
        }
        return bytes
    }

    private static let profilesWithExtension: Set<UInt8> = [100, 110, 122, 144, 244]

    private static func sets(count: Int, from cursor: inout ByteCursor) throws(MediaError) -> [[UInt8]] {
        var sets: [[UInt8]] = []
        for _ in 0..<count {
            let set = try cursor.bytes(Int(cursor.uint16()))
            if !set.isEmpty { sets.append(Array(set)) }
        }
        return sets
    }

    private static func firstSet(_ sequence: [[UInt8]], _ picture: [[UInt8]]) throws(MediaError) -> AVCSequenceParameterSet {
        guard let first = sequence.first, !picture.isEmpty else { throw .missingParameterSet }
        return try AVCSequenceParameterSet(nalUnit: first)
    }
}

extension [UInt8] {
    /// Callers have checked that the length fits 16 bits.
    mutating func appendLengthAndBytes(of set: [UInt8]) {
        self.append(UInt8(truncatingIfNeeded: set.count >> 8))
        self.append(UInt8(truncatingIfNeeded: set.count))
        self.append(contentsOf: set)
    }
}
