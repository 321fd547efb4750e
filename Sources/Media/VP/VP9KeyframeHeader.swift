public import NIOCore

/// The uncompressed header of a VP9 key frame, up to the frame size (VP9 bitstream specification §6.2).
public struct VP9KeyframeHeader: Sendable, Hashable {
    public let profile: UInt8
    public let bitDepth: UInt8
    /// As in `VPConfiguration.chromaSubsampling`.
    public let chromaSubsampling: UInt8
    public let width: Int
    public let height: Int

    private static let mostHeaderBytes = 16

    /// - Throws: `invalidValue` when the frame is no key frame.
    public init(_ frame: ByteBuffer) throws(MediaError) {
        var reader = BitReader(frame.readableBytesView.prefix(Self.mostHeaderBytes))
        self.profile = try Self.profile(from: &reader)
        // Shown for the first time, a key frame, shown now or not, resilient or not; then the sync code.
        guard try !reader.flag(), try !reader.flag() else { throw .invalidValue }
        try reader.skip(2)
        guard try reader.bits(24) == 0x49_83_42 else { throw .invalidValue }
        self.bitDepth = self.profile >= 2 ? (try reader.flag() ? 12 : 10) : 8
        let colorSpace = try reader.bits(3)
        let isOddProfile = self.profile & 1 == 1
        if colorSpace == 7 {
            guard isOddProfile else { throw .invalidValue }
            self.chromaSubsampling = 3
            try reader.skip(1)
        } else {
            try reader.skip(1)
            if isOddProfile {
                let isSubsampledX = try reader.flag()
                let isSubsampledY = try reader.flag()
                // 4:4:0 has no number in vpcC; it is played as 4:2:2 would be announced.
                self.chromaSubsampling = isSubsampledX || isSubsampledY ? 2 : 3
                try reader.skip(1)
            } else {
                self.chromaSubsampling = 1
            }
        }
        self.width = Int(try reader.bits(16)) + 1
        self.height = Int(try reader.bits(16)) + 1
    }

    public static func isKeyframe(_ frame: ByteBuffer) throws(MediaError) -> Bool {
        var reader = BitReader(frame.readableBytesView.prefix(1))
        _ = try self.profile(from: &reader)
        let showsExistingFrame = try reader.flag()
        let isInterFrame = try reader.flag()
        return !showsExistingFrame && !isInterFrame
    }

    private static func profile(from reader: inout BitReader) throws(MediaError) -> UInt8 {
        guard try reader.bits(2) == 2 else { throw .invalidValue }
        let low = try reader.bits(1)
        let high = try reader.bits(1)
        let profile = UInt8(high << 1 | low)
        if profile == 3, try reader.flag() { throw .invalidValue }
        return profile
    }
}
