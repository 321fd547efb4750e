import Media
import Testing

/// Configuration records as encoders wrote them into MP4 files (FFmpeg 5.1 of Debian 12; pictures of 334×190 at 30 frames a second), and by hand
/// where said. `required` is how many of the bytes a decoder cannot do without: shorter prefixes must be refused.
struct Record: Sendable, CustomTestStringConvertible {
    let name: String
    let codec: Codec
    let bytes: [UInt8]
    let required: Int
    /// Prefixes that are whole records again.
    let wholePrefixes: [Int]

    init(_ name: String, _ codec: Codec, _ hexadecimal: String, optionalBytes: Int = 0, wholePrefixes: [Int] = []) {
        self.wholePrefixes = wholePrefixes
        self.name = name
        self.codec = codec
        self.bytes = Bytes.from(hexadecimal)
        self.required = self.bytes.count - optionalBytes
    }

    var testDescription: String { self.name }

    /// libx264, High, B-frames, VUI.
    static let avcHigh = Record(
        "x264 High", .h264,
        "0164000dffe1001a6764000dacd941519eab0110000003001000000303c0f142996001000468ef8fcbfdf8f800", optionalBytes: 4)
    /// libx264, High 4:4:4 Predictive, interlaced tools.
    static let avc444Interlaced = Record(
        "x264 High 4:4:4 interlaced", .h264,
        "01f40015ffe1001a67f40015919b282a67bac044000003000400000300f07c50a65801000668fe8f192190fff8f800", optionalBytes: 4)
    static let avcBaseline = Record(
        "x264 Baseline", .h264, "0142c00dffe100176742c00dda05467aac0440000003004000000f03c50aa801000468ce0fc8")
    /// libx265, Main; its SEI array was cut off.
    static let hevcMain = Record(
        "x265 Main", .hevc,
        "0101600000009000000000003cf000fcfdf8f800000f03a00001001840010c01ffff01600000030090000003000003003c959409"
            + "a10001002b42010101600000030090000003000003003ca00a880c1d56595952930bc05a020000030002000003003c10"
            + "a2000100064401c073c189")
    static let hevcMain10 = Record(
        "x265 Main 10", .hevc,
        "0102200000009000000000003cf000fcfdfafa00000f03a00001001840010c01ffff02200000030090000003000003003c959409"
            + "a10001002b42010102200000030090000003000003003ca00a880c1d536595952930bc05a020000003002000000303c1"
            + "a2000100064401c073c189")
    /// SVT-AV1.
    static let av1 = Record("SVT-AV1", .av1, "81000c000a0b000000043d36f402f80040", wholePrefixes: [4])
    /// As some encoders send it: the sequence header is left to the first keyframe.
    static let av1Bare = Record("AV1 without sequence header", .av1, "81084c00")
    /// libvpx, as FFmpeg puts it into vpcC: with version and flags.
    static let vp9InBox = Record("libvpx, box content", .vp9, "01000000000b820202020000")
    static let vp9 = Record("libvpx", .vp9, "000b820202020000")
    /// FFmpeg's AAC-LC with its own (empty) extension for PS.
    static let aacLowComplexity = Record("AAC-LC", .aac, "120856e500", optionalBytes: 3)
    static let aacPlain = Record("AAC-LC, two bytes", .aac, "1210")
    /// By hand: object type 5, 24 kHz core, SBR to 48 kHz.
    static let aacSBR = Record("HE-AAC, hierarchical", .aac, "2b118800", optionalBytes: 1)
    /// By hand: object type 29, 22.05 kHz mono core, SBR to 44.1 kHz.
    static let aacParametric = Record("HE-AAC v2, hierarchical", .aac, "eb8a0800", optionalBytes: 1)
    /// By hand: LC at 24 kHz with the backward compatible extension to 48 kHz.
    static let aacSBRCompatible = Record("HE-AAC, backward compatible", .aac, "131056e598", optionalBytes: 3)
    static let opus = Record("Opus stereo", .opus, "4f707573486561640102380180bb0000000000")
    /// libopus, 5.1; its dOps turned back into the identification header.
    static let opusSurround = Record("Opus 5.1", .opus, "4f707573486561640106380180bb00000000010402000401020305")

    /// By hand: two channels of 44.1 kHz, blocks of 256 and 2048 samples, no comments; the setup header is cut off behind its first bytes.
    static let vorbis = Record(
        "Vorbis", .vorbis,
        "021e10" + "01766f72626973" + "00000000" + "02" + "44ac0000" + "00000000" + "80bb0000" + "00000000" + "b8" + "01"
            + "03766f72626973" + "00000000" + "00000000" + "01" + "05766f72626973" + "2442435601000040",
        optionalBytes: 8)
    static let all = [
        avcHigh, avc444Interlaced, avcBaseline, hevcMain, hevcMain10, av1, av1Bare, vp9InBox, vp9, aacLowComplexity, aacPlain, aacSBR,
        aacParametric, aacSBRCompatible, opus, opusSurround, vorbis,
    ]

    var track: Track {
        get throws(MediaError) {
            try Track(id: self.codec.kind == .video ? .video : .audio, codec: self.codec, configuration: self.bytes)
        }
    }
}
