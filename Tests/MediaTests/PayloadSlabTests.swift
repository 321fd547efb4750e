import Media
import NIOCore
import Testing

@Suite struct PayloadSlabTests {
    private static func payload(_ number: Int, _ count: Int) -> ByteBuffer { ByteBuffer(repeating: UInt8(truncatingIfNeeded: number), count: count) }

    private static func address(_ buffer: ByteBuffer) -> UInt { buffer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) } }

    @Test func payloadsKeepTheirBytes() {
        let slab = PayloadSlab()
        let payloads = (0..<600).map { Self.payload($0, 1 + ($0 * 331) % 150_000) }
        #expect(payloads.map { slab.copy($0) } == payloads)
        #expect(slab.copy(ByteBuffer()).readableBytes == 0)
    }

    @Test func payloadsLieBehindOneAnother() {
        let slab = PayloadSlab()
        let first = slab.copy(Self.payload(1, 300))
        #expect(Self.address(slab.copy(Self.payload(2, 5_000))) == Self.address(first) + 300)
    }

    @Test func aLargePayloadLeavesTheSlabToTheSmallOnesWhenItHasLessRoom() {
        let slab = PayloadSlab()
        let first = slab.copy(Self.payload(1, 300))
        let large = slab.copy(Self.payload(2, 130_000))
        #expect(large.storageCapacity == 128 << 10)
        #expect(Self.address(slab.copy(Self.payload(3, 5_000))) == Self.address(first) + 300)
        // One that leaves more is gone on with.
        let other = slab.copy(Self.payload(4, 70_000))
        #expect(Self.address(slab.copy(Self.payload(5, 5_000))) == Self.address(other) + 70_000)
    }
}
