import Media
import Testing

@Suite struct VorbisConfigurationTests {
    private static let identification = Array(Record.vorbis.bytes[3..<33])
    private static let comment = Array(Record.vorbis.bytes[33..<49])
    private static let setup = Array(Record.vorbis.bytes[49...])

    /// Of 16 bytes and the text's.
    private static func comment(_ text: String) -> [UInt8] {
        let length = (0..<4).map { UInt8(truncatingIfNeeded: text.utf8.count >> ($0 * 8)) }
        return Array(Self.comment[..<7]) + length + Array(text.utf8) + [0, 0, 0, 0, 1]
    }

    @Test func theHeadersSayWhatTheSoundIs() throws {
        let configuration = try VorbisConfiguration(bytes: Record.vorbis.bytes)
        #expect(configuration.channelCount == 2)
        #expect(configuration.sampleRate == 44_100)
        #expect(configuration.format == AudioFormat(sampleRate: 44_100, channelCount: 2))
        #expect(configuration.bytes == Record.vorbis.bytes)
    }

    /// A picture of an album makes a comment of hundreds of kilobytes.
    @Test(arguments: [0, 238, 239, 240, 494, 200_000]) func commentsAreLeftOut(length: Int) throws {
        let comment = Self.comment(String(repeating: "x", count: length))
        let laced = Array(repeating: UInt8(255), count: comment.count / 255) + [UInt8(comment.count % 255)]
        let configuration = try VorbisConfiguration(bytes: [2, 30] + laced + Self.identification + comment + Self.setup)
        #expect(configuration.bytes == Record.vorbis.bytes)
        let sameSound = try Track(
            id: .originalAudio, codec: .vorbis, configuration: [2, 30] + laced + Self.identification + comment + Self.setup)
        #expect(try sameSound.configuration == Record.vorbis.track.configuration)
    }

    /// As mov and some demuxers of FFmpeg have them.
    @Test func headersBehindTheirLengthsAreReadToo() throws {
        func prefixed(_ header: [UInt8]) -> [UInt8] { [UInt8(header.count >> 8), UInt8(header.count & 255)] + header }
        let bytes = prefixed(Self.identification) + prefixed(Self.comment("me")) + prefixed(Self.setup)
        #expect(try VorbisConfiguration(bytes: bytes).bytes == Record.vorbis.bytes)
        for length in 0..<bytes.count { #expect(throws: MediaError.self) { try VorbisConfiguration(bytes: Array(bytes.prefix(length))) } }
    }

    /// By their place in the identification header.
    @Test(
        arguments: [
            (0, 3), (1, 0x56), (7, 1), (11, 0), (28, 0x5B), (28, 0xBE), (28, 0x8B), (29, 0),
        ] as [(Int, UInt8)])
    func whatIsNoVorbisIsRefused(place: Int, value: UInt8) {
        var bytes = Record.vorbis.bytes
        bytes[3 + place] = value
        #expect(throws: MediaError.invalidValue) { try VorbisConfiguration(bytes: bytes) }
    }

    @Test func absurdRatesAndLengthsAreRefused() {
        for rate in [[0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0x7F]] as [[UInt8]] {
            var bytes = Record.vorbis.bytes
            bytes.replaceSubrange(15..<19, with: rate)
            #expect(throws: MediaError.invalidValue) { try VorbisConfiguration(bytes: bytes) }
        }
        let long = Record.vorbis.bytes + Array(repeating: 0, count: 1 << 16)
        #expect(throws: MediaError.limitExceeded) { try VorbisConfiguration(bytes: long) }
        #expect(throws: MediaError.limitExceeded) { try VorbisConfiguration(bytes: Array(repeating: 255, count: 1 << 25)) }
    }

    @Test func headersAreNoSound() {
        #expect([0x00, 0x42, 0xFE].allSatisfy { VorbisConfiguration.isSound(firstByte: $0) })
        #expect([0x01, 0x03, 0x05, 0xFF].allSatisfy { !VorbisConfiguration.isSound(firstByte: $0) })
    }
}
