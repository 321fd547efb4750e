public import NIOCore

/// An H.264 or HEVC access unit as it came, sorted: what the decoder configuration wants, and the rest.
public struct NALAccessUnit: Sendable {
    /// 4-byte length-prefixed, without parameter sets, access unit delimiters and filler. Shares the input's bytes when there was nothing to remove.
    public let payload: ByteBuffer
    /// An IDR picture (H.264) or an intra random access point (HEVC).
    public let isKeyframe: Bool
    /// The parameter sets found, each with its NAL header, in order.
    public let parameterSets: [[UInt8]]

    private static let mostParameterSets = 64

    /// `codec` is `.h264` or `.hevc`; `lengthSize` says how long the prefixes in `source` are.
    /// - Throws: `truncated` for a length beyond the payload, `limitExceeded` for more than 64 parameter sets.
    public init(_ source: ByteBuffer, codec: Codec, lengthSize: Int = 4) throws(MediaError) {
        guard codec == .h264 || codec == .hevc else { throw .unsupportedCodec(codec) }
        var reader = NALUnitReader(source, lengthSize: lengthSize)
        var isKeyframe = false
        var sets: [[UInt8]] = []
        var kept: [ByteBuffer] = []
        var keptBytes = 0
        while let unit = try reader.next() {
            guard let header = unit.getInteger(at: unit.readerIndex, as: UInt8.self) else { continue }
            switch Role(header: header, codec: codec) {
            case .parameterSet:
                guard sets.count < Self.mostParameterSets else { throw .limitExceeded }
                sets.append(Array(unit.readableBytesView))
                continue
            case .dropped:
                continue
            case .keyframe:
                isKeyframe = true
            case .other:
                break
            }
            kept.append(unit)
            keptBytes += unit.readableBytes + 4
        }
        self.isKeyframe = isKeyframe
        self.parameterSets = sets
        if keptBytes == source.readableBytes, lengthSize == 4 {
            self.payload = source
        } else {
            var output = ByteBufferAllocator().buffer(capacity: keptBytes)
            for unit in kept {
                output.writeInteger(UInt32(truncatingIfNeeded: unit.readableBytes))
                output.writeImmutableBuffer(unit)
            }
            self.payload = output
        }
    }

    /// Whether a decoder can start at `payload` (4-byte length-prefixed), without sorting it.
    public static func isKeyframe(_ payload: ByteBuffer, codec: Codec) throws(MediaError) -> Bool {
        guard codec == .h264 || codec == .hevc else { throw .unsupportedCodec(codec) }
        var reader = NALUnitReader(payload)
        while let unit = try reader.next() {
            if let header = unit.getInteger(at: unit.readerIndex, as: UInt8.self), Role(header: header, codec: codec) == .keyframe { return true }
        }
        return false
    }

    private enum Role {
        case parameterSet
        case keyframe
        case dropped
        case other

        init(header: UInt8, codec: Codec) {
            if codec == .hevc {
                let type = HEVCNALUnitType(header: header)
                if type.isParameterSet {
                    self = .parameterSet
                } else if type.isRandomAccessPoint {
                    self = .keyframe
                } else {
                    self = type == .accessUnitDelimiter || type == .fillerData ? .dropped : .other
                }
                return
            }
            switch AVCNALUnitType(header: header) {
            case .sequenceParameterSet, .pictureParameterSet, .sequenceParameterSetExtension: self = .parameterSet
            case .instantaneousDecoderRefresh: self = .keyframe
            case .accessUnitDelimiter, .fillerData: self = .dropped
            case nil: self = .other
            }
        }
    }
}
