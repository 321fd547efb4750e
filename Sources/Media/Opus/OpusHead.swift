/// The identification header of Opus (RFC 7845 §5.1).
public struct OpusHead: Sendable, Hashable {
    public let channelCount: Int
    /// Samples at 48 kHz to throw away at the start.
    public let preSkip: UInt16
    /// Of the sound before it was encoded; Opus always decodes to 48 kHz.
    public let inputSampleRate: UInt32
    /// Q7.8 decibels.
    public let outputGain: Int16
    public let mappingFamily: UInt8
    /// Stream count, coupled count and channel mapping; empty in family 0.
    public let mappingTable: [UInt8]

    private static let magic = Array("OpusHead".utf8)

    public init(bytes: [UInt8]) throws(MediaError) {
        guard bytes.count <= 1024 else { throw .limitExceeded }
        var cursor = ByteCursor(bytes)
        guard try Array(cursor.bytes(8)) == Self.magic else { throw .invalidValue }
        let version = try cursor.uint8()
        // The upper four bits are the incompatible part of the version.
        guard version & 0xF0 == 0 else { throw .unsupportedVersion(version) }
        let channels = try cursor.uint8()
        guard channels > 0 else { throw .invalidValue }
        self.channelCount = Int(channels)
        self.preSkip = try cursor.uint16().byteSwapped
        self.inputSampleRate = try cursor.uint32().byteSwapped
        self.outputGain = Int16(bitPattern: try cursor.uint16().byteSwapped)
        self.mappingFamily = try cursor.uint8()
        if self.mappingFamily == 0 {
            guard channels <= 2 else { throw .invalidValue }
            self.mappingTable = []
        } else {
            self.mappingTable = Array(try cursor.bytes(2 + self.channelCount))
        }
    }

    /// Of a stream that came without one (WebRTC): one or two channels.
    public init(channelCount: Int, preSkip: UInt16 = 312) {
        self.channelCount = min(max(channelCount, 1), 2)
        self.preSkip = preSkip
        self.inputSampleRate = 48_000
        self.outputGain = 0
        self.mappingFamily = 0
        self.mappingTable = []
    }

    public var bytes: [UInt8] {
        var bytes = Self.magic
        bytes += [1, UInt8(truncatingIfNeeded: self.channelCount)]
        bytes += [UInt8(truncatingIfNeeded: self.preSkip), UInt8(truncatingIfNeeded: self.preSkip >> 8)]
        for shift in [0, 8, 16, 24] { bytes.append(UInt8(truncatingIfNeeded: self.inputSampleRate >> UInt32(shift))) }
        let gain = UInt16(bitPattern: self.outputGain)
        bytes += [UInt8(truncatingIfNeeded: gain), UInt8(truncatingIfNeeded: gain >> 8), self.mappingFamily]
        return bytes + self.mappingTable
    }

    public var format: AudioFormat { AudioFormat(sampleRate: 48_000, channelCount: self.channelCount) }
}
