/// HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 §8.3.3.1): the parameter sets of an HEVC track.
public struct HEVCConfiguration: Sendable, Hashable {
    /// Bytes of the length before each NAL unit as the source sends them: 1, 2 or 4. A `Track` always says 4.
    public let nalLengthSize: Int
    public let videoParameterSets: [[UInt8]]
    public let sequenceParameterSets: [[UInt8]]
    public let pictureParameterSets: [[UInt8]]
    public let first: HEVCSequenceParameterSet

    private static let mostArrays = 16
    private static let mostSetsInAll = 64

    public init(record: [UInt8]) throws(MediaError) {
        guard record.count <= AVCConfiguration.largestRecord else { throw .limitExceeded }
        var cursor = ByteCursor(record)
        let version = try cursor.uint8()
        // Version 0 was written by encoders that followed the draft; the fields are the same.
        guard version <= 1 else { throw .unsupportedVersion(version) }
        _ = try cursor.bytes(20)
        self.nalLengthSize = Int(try cursor.uint8() & 3) + 1
        guard self.nalLengthSize != 3 else { throw .invalidValue }
        let arrays = Int(try cursor.uint8())
        guard arrays <= Self.mostArrays else { throw .limitExceeded }
        var sets: [HEVCNALUnitType: [[UInt8]]] = [:]
        var total = 0
        for _ in 0..<arrays {
            let type = HEVCNALUnitType(rawValue: try cursor.uint8() & 0x3F)
            let count = Int(try cursor.uint16())
            total += count
            guard total <= Self.mostSetsInAll else { throw .limitExceeded }
            for _ in 0..<count {
                let set = try cursor.bytes(Int(cursor.uint16()))
                if !set.isEmpty { sets[type, default: []].append(Array(set)) }
            }
        }
        self.videoParameterSets = sets[.videoParameterSet] ?? []
        self.sequenceParameterSets = sets[.sequenceParameterSet] ?? []
        self.pictureParameterSets = sets[.pictureParameterSet] ?? []
        self.first = try Self.firstSet(self.videoParameterSets, self.sequenceParameterSets, self.pictureParameterSets)
    }

    /// From parameter sets found in the stream, each with its two-byte NAL header.
    public init(videoParameterSets: [[UInt8]], sequenceParameterSets: [[UInt8]], pictureParameterSets: [[UInt8]]) throws(MediaError) {
        let all = videoParameterSets + sequenceParameterSets + pictureParameterSets
        guard all.count <= Self.mostSetsInAll, all.allSatisfy({ $0.count <= Int(UInt16.max) }) else { throw .limitExceeded }
        self.nalLengthSize = 4
        self.videoParameterSets = videoParameterSets.filter { !$0.isEmpty }
        self.sequenceParameterSets = sequenceParameterSets.filter { !$0.isEmpty }
        self.pictureParameterSets = pictureParameterSets.filter { !$0.isEmpty }
        self.first = try Self.firstSet(self.videoParameterSets, self.sequenceParameterSets, self.pictureParameterSets)
    }

    /// The record, with 4-byte lengths.
    public var record: [UInt8] {
        let sps = self.first
        var bytes: [UInt8] = [1]
        bytes += sps.profile.bytes
        // No statement on spatial segmentation (12 bits, reserved bits set) and parallelism.
        bytes += [0xF0, 0x00, 0xFC]
        bytes += [0xFC | sps.chromaFormat, 0xF8 | (sps.bitDepthLuma - 8), 0xF8 | (sps.bitDepthChroma - 8)]
        // Average frame rate unknown; layers, nesting and 4-byte lengths.
        bytes += [0, 0, sps.temporalLayerCount << 3 | (sps.isTemporalIDNested ? 4 : 0) | 3]
        let arrays: [(HEVCNALUnitType, [[UInt8]])] = [
            (.videoParameterSet, self.videoParameterSets), (.sequenceParameterSet, self.sequenceParameterSets),
            (.pictureParameterSet, self.pictureParameterSets),
        ]
        bytes.append(UInt8(arrays.count))
        for (type, sets) in arrays {
            bytes += [0x80 | type.rawValue, 0, UInt8(truncatingIfNeeded: sets.count)]
            for set in sets { bytes.appendLengthAndBytes(of: set) }
        }
        return bytes
    }

    private static func firstSet(_ video: [[UInt8]], _ sequence: [[UInt8]], _ picture: [[UInt8]]) throws(MediaError) -> HEVCSequenceParameterSet {
        guard let first = sequence.first, !video.isEmpty, !picture.isEmpty else { throw .missingParameterSet }
        return try HEVCSequenceParameterSet(nalUnit: first)
    }
}
