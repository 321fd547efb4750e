/// VPCodecConfigurationRecord (VP Codec ISO Media File Format Binding §2.2).
public struct VPConfiguration: Sendable, Hashable {
    public private(set) var profile: UInt8
    /// Ten times the level: 31 is level 3.1. 0 when the encoder did not say.
    public private(set) var level: UInt8
    /// 8, 10 or 12.
    public private(set) var bitDepth: UInt8
    /// 0 and 1 are 4:2:0 (vertical, collocated), 2 is 4:2:2, 3 is 4:4:4.
    public private(set) var chromaSubsampling: UInt8
    public let isFullRange: Bool
    public let colorPrimaries: UInt8
    public let transferCharacteristics: UInt8
    public let matrixCoefficients: UInt8

    /// Takes the bare record, and the whole `vpcC` box content with version and flags before it, which some senders use.
    public init(record: [UInt8]) throws(MediaError) {
        guard record.count <= AVCConfiguration.largestRecord else { throw .limitExceeded }
        var cursor = ByteCursor(record)
        // In a bare record the third byte holds the bit depth, which is never 0.
        if record.count >= 12, record[1] == 0, record[2] == 0, record[3] == 0 { _ = try cursor.uint32() }
        self.profile = try cursor.uint8()
        self.level = try cursor.uint8()
        let depth = try cursor.uint8()
        self.bitDepth = depth >> 4
        self.chromaSubsampling = depth >> 1 & 7
        self.isFullRange = depth & 1 == 1
        self.colorPrimaries = try cursor.uint8()
        self.transferCharacteristics = try cursor.uint8()
        self.matrixCoefficients = try cursor.uint8()
        _ = try cursor.bytes(Int(cursor.uint16()))
        guard self.profile <= 3, [8, 10, 12].contains(self.bitDepth), self.chromaSubsampling <= 3 else { throw .invalidValue }
    }

    /// Of a track that came without a record (VP8, VP9 over RTP): 8 bits, 4:2:0, colours unspecified.
    public init(profile: UInt8 = 0) {
        self.profile = profile
        self.level = 0
        self.bitDepth = 8
        self.chromaSubsampling = 1
        self.isFullRange = false
        self.colorPrimaries = 2
        self.transferCharacteristics = 2
        self.matrixCoefficients = 2
    }

    public var record: [UInt8] {
        [
            self.profile, self.level, self.bitDepth << 4 | self.chromaSubsampling << 1 | (self.isFullRange ? 1 : 0),
            self.colorPrimaries, self.transferCharacteristics, self.matrixCoefficients, 0, 0,
        ]
    }

    /// Takes over what the bitstream itself says; a level only where none was given.
    mutating func adopt(_ header: VP9KeyframeHeader) {
        self.profile = header.profile
        self.bitDepth = header.bitDepth
        if header.chromaSubsampling != 1 || self.chromaSubsampling > 1 { self.chromaSubsampling = header.chromaSubsampling }
        if self.level == 0 { self.level = Self.level(width: header.width, height: header.height) }
    }

    /// The lowest level whose picture size (VP9 levels, luma samples) holds the frame.
    static func level(width: Int, height: Int) -> UInt8 {
        let table: [(samples: Int, level: UInt8)] = [
            (36_864, 10), (73_728, 11), (122_880, 20), (245_760, 21), (552_960, 30), (983_040, 31), (2_228_224, 40), (8_912_896, 50),
        ]
        return table.first { width * height <= $0.samples }?.level ?? 60
    }
}
