import CFFmpeg
import Media

/// VPCodecConfigurationRecord (VP Codec ISO Media File Format Binding §2.2), between Media's form and the fields FFmpeg keeps.
enum VPRecord {
    private static let formats: [(format: AVPixelFormat, bitDepth: UInt8, chroma: UInt8)] = [
        (AV_PIX_FMT_YUV420P, 8, 1), (AV_PIX_FMT_YUV422P, 8, 2), (AV_PIX_FMT_YUV444P, 8, 3),
        (AV_PIX_FMT_YUV420P10LE, 10, 1), (AV_PIX_FMT_YUV422P10LE, 10, 2), (AV_PIX_FMT_YUV444P10LE, 10, 3),
        (AV_PIX_FMT_YUV420P12LE, 12, 1), (AV_PIX_FMT_YUV422P12LE, 12, 2), (AV_PIX_FMT_YUV444P12LE, 12, 3),
    ]

    static func apply(_ configuration: VPConfiguration, to parameters: inout AVCodecParameters) {
        // 0 and 1 are both 4:2:0; they differ in where the chroma samples lie.
        let chroma = max(configuration.chromaSubsampling, 1)
        let match = self.formats.first { $0.bitDepth == configuration.bitDepth && $0.chroma == chroma }
        parameters.format = (match?.format ?? AV_PIX_FMT_YUV420P).rawValue
        parameters.profile = Int32(configuration.profile)
        if configuration.level > 0 { parameters.level = Int32(configuration.level) }
        parameters.color_range = configuration.isFullRange ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG
    }

    static func bytes(of parameters: AVCodecParameters) -> [UInt8] {
        let match = self.formats.first { $0.format.rawValue == parameters.format }
        let isFullRange = parameters.color_range.rawValue == AVCOL_RANGE_JPEG.rawValue
        let packed = (match?.bitDepth ?? 8) << 4 | (match?.chroma ?? 1) << 1 | (isFullRange ? 1 : 0)
        // Colour primaries, transfer and matrix: 2 is unspecified. No codec initialisation data.
        return [UInt8(clamping: max(parameters.profile, 0)), UInt8(clamping: max(parameters.level, 0)), packed, 2, 2, 2, 0, 0]
    }
}
