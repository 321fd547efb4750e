import NIOCore

/// One `moof` and `mdat`, the payloads still where they came from.
public struct Fragment: Sendable {
    /// All but the payloads: `moof` and the beginning of `mdat`, perhaps a `styp` before them.
    let head: ByteBuffer
    let runs: [FragmentRun]
    let payloadBytes: Int

    public var byteCount: Int { self.head.readableBytes + self.payloadBytes }

    /// `memory` must be `byteCount` long.
    public func copy(into memory: UnsafeMutableRawBufferPointer) {
        precondition(memory.count == self.byteCount)
        var position = 0
        func put(_ bytes: ByteBuffer) {
            bytes.withUnsafeReadableBytes { UnsafeMutableRawBufferPointer(rebasing: memory[position...]).copyMemory(from: $0) }
            position += bytes.readableBytes
        }
        put(self.head)
        for run in self.runs {
            for sample in run.samples { put(sample.payload) }
        }
    }
}
