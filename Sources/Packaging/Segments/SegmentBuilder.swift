import Media
import NIOCore

/// The segment that is being filled: fragments go in, parts and in the end the segment come out.
struct SegmentBuilder: Sendable {
    let number: UInt64
    let start: MediaTime
    let isDiscontinuity: Bool
    let initVersion: Int
    let publishesParts: Bool
    var isIndependent: Bool

    /// Up to where it has been written.
    private(set) var writtenUntil: MediaTime
    private(set) var byteCount = 0
    private var parts: [Part] = []
    /// When no parts are published: the fragments so far.
    private var buffer = ByteBuffer()
    private let sizeHint: Int

    init(
        number: UInt64, start: MediaTime, isIndependent: Bool, isDiscontinuity: Bool, initVersion: Int, publishesParts: Bool, sizeHint: Int
    ) {
        self.number = number
        self.start = start
        self.isIndependent = isIndependent
        self.isDiscontinuity = isDiscontinuity
        self.initVersion = initVersion
        self.publishesParts = publishesParts
        self.writtenUntil = start
        self.sizeHint = sizeHint
    }

    /// Writes a fragment that lasts until `end`. Returns a part when parts are published.
    mutating func add(_ runs: [FragmentRun], until end: MediaTime, isIndependent: Bool, writer: inout FragmentWriter) -> Part? {
        guard runs.contains(where: { !$0.samples.isEmpty }) else { return nil }
        let begin = self.writtenUntil
        self.writtenUntil = max(end, begin)
        guard self.publishesParts else {
            if self.byteCount == 0 {
                self.buffer = ByteBufferAllocator().buffer(capacity: self.sizeHint)
                FragmentWriter.writeSegmentType(into: &self.buffer)
            }
            writer.write(runs, into: &self.buffer)
            self.byteCount = self.buffer.readableBytes
            return nil
        }
        var bytes = ByteBuffer()
        if self.parts.isEmpty { FragmentWriter.writeSegmentType(into: &bytes) }
        writer.write(runs, into: &bytes)
        self.byteCount += bytes.readableBytes
        let part = Part(
            segmentNumber: self.number, index: self.parts.count, segmentStart: self.start, start: begin, duration: self.writtenUntil - begin,
            isIndependent: isIndependent, isDiscontinuity: self.isDiscontinuity, initVersion: self.initVersion, bytes: bytes)
        self.parts.append(part)
        return part
    }

    /// The segment, ending at `end`; nil when nothing was written into it.
    consuming func finished(at end: MediaTime) -> Segment? {
        guard self.byteCount > 0 else { return nil }
        let duration = max(end - self.start, MediaTime(microseconds: 1))
        if !self.publishesParts {
            self.parts = [
                Part(
                    segmentNumber: self.number, index: 0, segmentStart: self.start, start: self.start, duration: duration,
                    isIndependent: self.isIndependent, isDiscontinuity: self.isDiscontinuity, initVersion: self.initVersion, bytes: self.buffer)
            ]
        }
        return Segment(
            number: self.number, start: self.start, duration: duration, isIndependent: self.isIndependent,
            isDiscontinuity: self.isDiscontinuity, initVersion: self.initVersion, parts: self.parts)
    }
}
