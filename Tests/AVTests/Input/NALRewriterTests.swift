import Media
import NIOCore
import Testing

@testable import AV

@Suite struct NALRewriterTests {
    static let sequence: [UInt8] = [0x67, 0x42, 0xC0, 0x1E, 0x01]
    static let picture: [UInt8] = [0x68, 0xCE, 0x3C, 0x80]
    static let delimiter: [UInt8] = [0x09, 0xF0]
    static let filler: [UInt8] = [0x0C, 0xFF, 0xFF, 0x80]
    static let idr: [UInt8] = [0x65, 0x88, 0x00, 0x00, 0x03, 0x01, 0x55]
    static let slice: [UInt8] = [0x41, 0x9A, 0x24, 0x6C]

    static func stream(_ units: [[UInt8]], startCode: [UInt8] = [0, 0, 0, 1]) -> [UInt8] { units.flatMap { startCode + $0 } }

    static func prefixed(_ units: [[UInt8]], size: Int = 4) -> [UInt8] {
        units.flatMap { unit in (0..<size).reversed().map { UInt8(truncatingIfNeeded: unit.count >> ($0 * 8)) } + unit }
    }

    /// By way of a Result: the compiler (6.3.1) fails on a closure with typed throws handed to `withUnsafeBytes`.
    static func rewrite(_ rewriter: inout NALRewriter, _ bytes: [UInt8]) throws -> NALRewriter.AccessUnit {
        let slab = PayloadSlab()
        let result = bytes.withUnsafeBytes { source in Result { () throws(MediaError) in try rewriter.rewrite(source, into: slab) } }
        return try result.get()
    }

    @Test(arguments: [[0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 0, 0, 1]] as [[UInt8]]) func startCodesOfAnyLengthBecomeLengths(code: [UInt8]) throws {
        var rewriter = NALRewriter(codec: .h264, lengthSize: 0)
        let source = Self.stream([Self.delimiter, Self.sequence, Self.picture, Self.idr, Self.filler, Self.slice], startCode: code)
        let unit = try Self.rewrite(&rewriter, source + [0, 0])
        #expect(Array(unit.payload.readableBytesView) == Self.prefixed([Self.idr, Self.slice]))
        #expect(unit.isRandomAccessPoint)
        #expect(unit.newParameterSets == [Self.sequence, Self.picture])
    }

    @Test(arguments: [1, 2, 4]) func lengthsOfAnySizeBecomeFourBytes(size: Int) throws {
        var rewriter = NALRewriter(codec: .h264, lengthSize: size)
        let unit = try Self.rewrite(&rewriter, Self.prefixed([Self.sequence, Self.picture, Self.slice, [], Self.filler], size: size))
        #expect(Array(unit.payload.readableBytesView) == Self.prefixed([Self.slice]))
        #expect(!unit.isRandomAccessPoint)
    }

    @Test func whatMediaMakesOfItIsTheSame() throws {
        let units = [Self.delimiter, Self.sequence, Self.picture, Self.idr, Self.slice]
        var rewriter = NALRewriter(codec: .h264, lengthSize: 0)
        let unit = try Self.rewrite(&rewriter, Self.stream(units))
        let expected = try NALAccessUnit(AnnexB.toLengthPrefixed(ByteBuffer(bytes: Self.stream(units))), codec: .h264)
        #expect(unit.payload == expected.payload)
        #expect(unit.isRandomAccessPoint == expected.isKeyframe)
        #expect(unit.newParameterSets == expected.parameterSets)
    }

    @Test func parameterSetsAreNewsOnceAndWhenTheyComeBack() throws {
        var rewriter = NALRewriter(codec: .h264, lengthSize: 0)
        let other: [UInt8] = [0x67, 0x42, 0xC0, 0x1F, 0x02]
        #expect(try Self.rewrite(&rewriter, Self.stream([Self.sequence, Self.picture, Self.idr])).newParameterSets.count == 2)
        #expect(try Self.rewrite(&rewriter, Self.stream([Self.sequence, Self.picture, Self.idr])).newParameterSets.isEmpty)
        #expect(try Self.rewrite(&rewriter, Self.stream([other, Self.picture, Self.idr])).newParameterSets == [other, Self.picture])
        #expect(try Self.rewrite(&rewriter, Self.stream([Self.sequence, Self.picture, Self.idr])).newParameterSets == [Self.sequence, Self.picture])
    }

    @Test func nothingButParameterSetsIsNoFrame() throws {
        var rewriter = NALRewriter(codec: .h264, lengthSize: 0)
        let unit = try Self.rewrite(&rewriter, Self.stream([Self.sequence, Self.picture]))
        #expect(unit.payload.readableBytes == 0)
        #expect(unit.newParameterSets.count == 2)
    }

    @Test func hevcUnitsAreSortedByTheirOwnTypes() throws {
        let (vps, sps, pps): ([UInt8], [UInt8], [UInt8]) = ([0x40, 0x01, 0x0C, 0x01, 0xFF, 0xFF], [0x42, 0x01, 0x01], [0x44, 0x01, 0xC1])
        let (aud, cra, trail): ([UInt8], [UInt8], [UInt8]) = ([0x46, 0x01, 0x50], [0x2A, 0x01, 0xAF], [0x02, 0x01, 0xD0])
        var rewriter = NALRewriter(codec: .hevc, lengthSize: 0)
        let key = try Self.rewrite(&rewriter, Self.stream([aud, vps, sps, pps, cra]))
        #expect(key.isRandomAccessPoint)
        #expect(key.newParameterSets == [vps, sps, pps])
        #expect(Array(key.payload.readableBytesView) == Self.prefixed([cra]))
        #expect(try !Self.rewrite(&rewriter, Self.stream([trail])).isRandomAccessPoint)
        // An H.264 slice is no video parameter set, whatever its first byte.
        #expect(throws: MediaError.invalidValue) { _ = try Self.rewrite(&rewriter, Self.stream([Self.slice + Self.slice])) }
    }

    @Test func brokenLengthsAreRefused() throws {
        for bytes in [[0, 0, 0, 9, 0x41], [0xFF, 0xFF, 0xFF, 0xFF, 0x41], [0, 0, 1]] as [[UInt8]] {
            var rewriter = NALRewriter(codec: .h264, lengthSize: 4)
            #expect(throws: MediaError.truncated) { _ = try Self.rewrite(&rewriter, bytes) }
        }
        var rewriter = NALRewriter(codec: .h264, lengthSize: 1)
        let many = [UInt8](repeating: 0, count: 5_000).flatMap { _ in [1, 0x41] as [UInt8] }
        #expect(throws: MediaError.limitExceeded) { _ = try Self.rewrite(&rewriter, many) }
    }

    @Test func bytesWithoutAStartCodeAreNothing() throws {
        var rewriter = NALRewriter(codec: .h264, lengthSize: 0)
        for bytes in [[], [0], [0, 0], [0, 0, 1], [1, 2, 3, 4, 5], [0, 0, 0, 0]] as [[UInt8]] {
            #expect(try Self.rewrite(&rewriter, bytes).payload.readableBytes == 0)
        }
    }

    @Test func payloadsOfOneSlabDoNotTouchEachOther() {
        let slab = PayloadSlab()
        var kept: [(ByteBuffer, UInt8, Int)] = []
        for (number, size) in [1, 100, 40_000, 30_000, 70_000, 5, 200_000, 60_000, 65_536, 3].enumerated() {
            let byte = UInt8(number + 1)
            let buffer = slab.make(size) { $0.initializeMemory(as: UInt8.self, repeating: byte) }
            kept.append((buffer, byte, size))
        }
        for (buffer, byte, size) in kept {
            #expect(buffer.readableBytes == size)
            #expect(buffer.readableBytesView.allSatisfy { $0 == byte })
        }
        #expect(slab.make(0) { _ in }.readableBytes == 0)
    }
}
