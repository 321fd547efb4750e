import NIOCore
import Testing

@testable import Media

/// Nothing that comes over the wire may trap. These tests pass when they end: a trap takes the whole test process with it.
@Suite struct RobustnessTests {
    @Test(arguments: Record.all)
    func everyPrefixThatLacksSomethingIsRefused(record: Record) throws {
        _ = try record.track
        for length in 0..<record.required where !record.wholePrefixes.contains(length) {
            #expect(throws: MediaError.self, "prefix of \(length)") {
                try Track(id: .video, codec: record.codec, configuration: Array(record.bytes.prefix(length)))
            }
        }
    }

    @Test(arguments: Record.all)
    func mutatedRecordsAreReadOrRefused(record: Record) {
        var numbers = SeededNumbers(seed: 0x5EED)
        var accepted = 0
        var refused = 0
        for _ in 0..<1000 {
            var bytes = record.bytes
            for _ in 0..<Int.random(in: 1...4, using: &numbers) {
                bytes[Int.random(in: 0..<bytes.count, using: &numbers)] = UInt8.random(in: 0...255, using: &numbers)
            }
            if Bool.random(using: &numbers) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &numbers)) }
            do throws(MediaError) {
                let track = try Track(id: .video, codec: record.codec, configuration: bytes)
                accepted += track.codecParameter.isEmpty ? 0 : 1
            } catch {
                refused += 1
            }
        }
        // Both happen, so the loop did look at records on both sides of the line.
        #expect(accepted > 0)
        #expect(refused > 0)
    }

    @Test(arguments: Codec.allCases)
    func randomPayloadsAreReadOrRefused(codec: Codec) throws {
        var numbers = SeededNumbers(seed: UInt64(codec.rawValue.count) &* 0x9E37)
        let track = try Record.all.first { $0.codec == codec }?.track
        var refusals = 0
        for _ in 0..<1000 {
            let bytes = Self.someBytes(&numbers)
            let payload = ByteBuffer(bytes: bytes)
            refusals += Self.isRefused { () throws(MediaError) in _ = try NALAccessUnit(payload, codec: codec) }
            refusals += Self.isRefused { () throws(MediaError) in _ = try AnnexB.toLengthPrefixed(payload) }
            refusals += Self.isRefused { () throws(MediaError) in _ = try AV1OBUReader.isKeyframe(payload) }
            refusals += Self.isRefused { () throws(MediaError) in _ = try AV1SequenceHeader(payload: bytes) }
            refusals += Self.isRefused { () throws(MediaError) in _ = try VP9KeyframeHeader(payload) }
            refusals += Self.isRefused { () throws(MediaError) in _ = try VP8KeyframeHeader(payload) }
            refusals += Self.isRefused { () throws(MediaError) in _ = try OpusPacket.sampleCount(payload) }
            refusals += Self.isRefused { () throws(MediaError) in _ = try MP3FrameHeader(bytes) }
            refusals += Self.isRefused { () throws(MediaError) in _ = try ADTSHeader(payload) }
            refusals += Self.isRefused { () throws(MediaError) in _ = try AVCSequenceParameterSet(nalUnit: [0x67] + bytes) }
            refusals += Self.isRefused { () throws(MediaError) in _ = try HEVCSequenceParameterSet(nalUnit: [0x42, 0x01] + bytes) }
            refusals += Self.isRefused { () throws(MediaError) in _ = try track?.refreshed(byKeyframe: payload) }
        }
        // No bytes are good for everything.
        #expect(refusals > 1000)
    }

    /// Small first bytes, half of the time, so that some get past a length or a header.
    private static func someBytes(_ numbers: inout SeededNumbers) -> [UInt8] {
        let count = Int.random(in: 0...60, using: &numbers)
        let zeros = Bool.random(using: &numbers) ? min(3, count) : 0
        return (0..<count).map { $0 < zeros ? 0 : UInt8.random(in: 0...255, using: &numbers) }
    }

    private static func isRefused(_ attempt: () throws(MediaError) -> Void) -> Int {
        do throws(MediaError) {
            try attempt()
            return 0
        } catch {
            return 1
        }
    }
}
