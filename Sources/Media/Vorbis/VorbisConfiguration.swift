/// What a Vorbis decoder needs before the first packet: the identification and the setup header (Vorbis I §4.2). The comment header between them is
/// what somebody said about the sound; it is not kept, so two streams of one encoder have one configuration.
public struct VorbisConfiguration: Sendable, Hashable {
    /// Of packets, by their first byte (§4.2.1).
    public enum Header: UInt8, Sendable {
        case identification = 1
        case comment = 3
        case setup = 5
    }

    private static let identificationLength = 30
    /// Encoders make 3 to 8 KiB of it.
    private static let longestSetup = 1 << 16
    /// A picture of an album may be in it.
    private static let longest = 1 << 24
    private static let highestSampleRate: UInt32 = 384_000
    private static let magic = Array("vorbis".utf8)

    public let channelCount: Int
    /// Samples a second.
    public let sampleRate: Int
    private let identification: [UInt8]
    private let setup: [UInt8]

    /// - Parameter bytes: the three headers as containers hold them: behind a 2 and the Xiph-laced lengths of the first two (Matroska's CodecPrivate,
    ///   RFC 9559 §27.2), or each behind its length in 16 bits.
    public init(bytes: [UInt8]) throws(MediaError) {
        guard bytes.count <= Self.longest else { throw .limitExceeded }
        let headers = try Self.split(bytes)
        _ = try Self.checked(headers[1], .comment)
        try self.init(identification: headers[0], setup: headers[2])
    }

    /// - Parameters: the headers as packets.
    public init(identification: [UInt8], setup: [UInt8]) throws(MediaError) {
        _ = try Self.checked(identification, .identification)
        _ = try Self.checked(setup, .setup)
        guard identification.count == Self.identificationLength else { throw .invalidValue }
        guard setup.count <= Self.longestSetup else { throw .limitExceeded }

        var cursor = ByteCursor(identification)
        _ = try cursor.bytes(7)
        guard try cursor.uint32() == 0 else { throw .invalidValue }
        let channels = try cursor.uint8()
        let rate = try cursor.uint32().byteSwapped
        guard channels > 0, rate > 0, rate <= Self.highestSampleRate else { throw .invalidValue }
        _ = try cursor.bytes(12)
        let blocks = try cursor.uint8()
        guard 6...13 ~= blocks & 15, 6...13 ~= blocks >> 4, blocks & 15 <= blocks >> 4 else { throw .invalidValue }
        guard try cursor.uint8() & 1 == 1 else { throw .invalidValue }

        self.channelCount = Int(channels)
        self.sampleRate = Int(rate)
        self.identification = identification
        self.setup = setup
    }

    /// With an empty comment header, as Matroska's CodecPrivate holds it.
    public var bytes: [UInt8] {
        // No vendor, no comments, the framing bit (§5.2.1).
        let comment = [Header.comment.rawValue] + Self.magic + [0, 0, 0, 0, 0, 0, 0, 0, 1]
        return [2, UInt8(self.identification.count), UInt8(comment.count)] + self.identification + comment + self.setup
    }

    public var format: AudioFormat { AudioFormat(sampleRate: self.sampleRate, channelCount: self.channelCount) }

    /// Headers have the lowest bit of their first byte set, sound has not (§4.2.1, §4.3.1).
    public static func isSound(firstByte: UInt8) -> Bool { firstByte & 1 == 0 }

    /// Which header a packet is, nil when it is none.
    public static func header(_ packet: UnsafeRawBufferPointer) -> Header? {
        guard let first = packet.first, packet.dropFirst().starts(with: Self.magic), let header = Header(rawValue: first) else { return nil }
        return header != .identification || packet.count == Self.identificationLength ? header : nil
    }

    private static func checked(_ header: [UInt8], _ type: Header) throws(MediaError) -> [UInt8] {
        guard header.first == type.rawValue, header.dropFirst().starts(with: Self.magic) else { throw .invalidValue }
        return header
    }

    private static func split(_ bytes: [UInt8]) throws(MediaError) -> [[UInt8]] {
        var cursor = ByteCursor(bytes)
        if bytes.starts(with: [0, UInt8(Self.identificationLength)]) {
            var headers: [[UInt8]] = []
            for _ in 0..<3 {
                let length = Int(try cursor.uint16())
                headers.append(Array(try cursor.bytes(length)))
            }
            return headers
        }
        guard try cursor.uint8() == 2 else { throw .invalidValue }
        let first = try Self.lacedLength(&cursor)
        let second = try Self.lacedLength(&cursor)
        return [Array(try cursor.bytes(first)), Array(try cursor.bytes(second)), Array(cursor.remainder())]
    }

    private static func lacedLength(_ cursor: inout ByteCursor) throws(MediaError) -> Int {
        var length = 0
        while true {
            let byte = try cursor.uint8()
            length += Int(byte)
            if byte < 255 { return length }
        }
    }
}
