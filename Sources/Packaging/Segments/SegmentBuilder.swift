import Media
import NIOCore

/// The segment that is being filled: fragments go in, parts and in the end the segment come out. Their bytes lie behind one another in one piece of
/// memory, so that a whole segment is there without copying its parts.
struct SegmentBuilder: ~Copyable {
    let number: UInt64
    let start: MediaTime
    let isDiscontinuity: Bool
    let initVersion: Int
    let publishesParts: Bool
    var isIndependent: Bool

    /// Up to where it has been written.
    private(set) var writtenUntil: MediaTime
    private var parts: [Part] = []
    private var memory: AppendMemory

    /// `sizeHint`: how many bytes are expected.
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
        self.memory = AppendMemory(capacity: sizeHint)
    }

    var byteCount: Int { self.memory.count }

    /// Writes a fragment that lasts until `end`. Returns a part when parts are published.
    mutating func add(
        _ runs: [FragmentRun], until end: MediaTime, isIndependent: Bool, writer: inout FragmentWriter,
        prepareMemory: (UnsafeMutableRawBufferPointer) -> Void
    ) -> Part? {
        guard let fragment = writer.makeFragment(runs, beginsSegment: self.byteCount == 0) else { return nil }
        let begin = self.writtenUntil
        self.writtenUntil = max(end, begin)
        self.makeRoom(fragment.byteCount)
        let bytes = self.memory.append(fragment.byteCount) {
            prepareMemory($0)
            fragment.copy(into: $0)
        }
        guard self.publishesParts else { return nil }
        let part = Part(
            segmentNumber: self.number, index: self.parts.count, segmentStart: self.start, start: begin, duration: self.writtenUntil - begin,
            isIndependent: isIndependent, isDiscontinuity: self.isDiscontinuity, initVersion: self.initVersion, bytes: bytes)
        self.parts.append(part)
        return part
    }

    /// More than was expected: as usual for the first segment. Parts that are out keep what they lie in.
    private mutating func makeRoom(_ count: Int) {
        guard count > self.memory.room else { return }
        let written = self.memory.written
        var larger = AppendMemory(capacity: max(written.readableBytes + count, 2 * written.readableBytes))
        _ = larger.append(written.readableBytes) { memory in written.withUnsafeReadableBytes { memory.copyMemory(from: $0) } }
        self.memory = larger
    }

    /// The segment, ending at `end`; nil when nothing was written into it.
    consuming func finished(at end: MediaTime) -> Segment? {
        guard self.byteCount > 0 else { return nil }
        let duration = max(end - self.start, MediaTime(microseconds: 1))
        let bytes = self.memory.written
        var parts = self.parts
        if !self.publishesParts {
            parts = [
                Part(
                    segmentNumber: self.number, index: 0, segmentStart: self.start, start: self.start, duration: duration,
                    isIndependent: self.isIndependent, isDiscontinuity: self.isDiscontinuity, initVersion: self.initVersion, bytes: bytes)
            ]
        }
        return Segment(
            number: self.number, start: self.start, duration: duration, isIndependent: self.isIndependent,
            isDiscontinuity: self.isDiscontinuity, initVersion: self.initVersion, parts: parts, bytes: bytes)
    }
}
