import Media
import NIOCore

/// Writing of fragments and closing of segments.
extension Segmenter {
    var fragmentDuration: MediaTime { self.configuration.partDuration ?? MediaTime(milliseconds: 1_000) }

    mutating func begin(at boundary: Boundary) {
        self.open = SegmentBuilder(
            number: self.nextNumber, start: boundary.presentation, isIndependent: boundary.isIndependent,
            isDiscontinuity: self.discontinuityDue, initVersion: self.initVersion,
            publishesParts: self.configuration.partDuration != nil, sizeHint: self.lastSegmentBytes + self.lastSegmentBytes / 8)
        self.discontinuityDue = false
        self.cut = nil
    }

    /// Writes up to the picture before this one when this one would make the fragment too long. What has gathered while the segment before was
    /// awaiting its audio makes several: no part may be longer than the target (RFC 8216bis §4.4.4.9).
    mutating func writeFragments(ifDueAt boundary: Boundary, previous: Boundary, _ outputs: inout [Output]) {
        while let written = self.open?.writtenUntil, previous.presentation > written, boundary.presentation - written > self.fragmentDuration {
            let limit = min(previous.decode, written + self.fragmentDuration - self.keyframeOffset)
            var end = previous
            if let decode = self.queues[0].latest(after: written - self.keyframeOffset, notAfter: limit) {
                end = Boundary(decode: decode, presentation: decode + self.keyframeOffset, isIndependent: false)
            }
            guard self.write(until: end, &outputs) else { return }
        }
    }

    /// Writes a fragment of everything before `boundary`; false when there was nothing.
    mutating func write(until boundary: Boundary, _ outputs: inout [Output]) -> Bool {
        let runs = self.takeRuns(before: boundary)
        guard !runs.isEmpty else { return false }
        self.add(runs, until: boundary.presentation, &outputs)
        return true
    }

    mutating func closeIfReady(_ outputs: inout [Output]) {
        guard let cut = self.cut else { return }
        for queue in self.queues.dropFirst() {
            guard let newest = queue.newest, newest < cut.presentation else { continue }
            if cut.presentation - newest <= self.configuration.audioPatience { return }
        }
        self.close(at: cut, &outputs)
    }

    /// Ends the open segment at `boundary` and begins the next one there.
    mutating func close(at boundary: Boundary, _ outputs: inout [Output]) {
        _ = self.write(until: boundary, &outputs)
        self.giveOut(endingAt: boundary.presentation, &outputs)
        self.begin(at: boundary)
    }

    /// Ends the open segment with everything there is. What follows is a discontinuity and begins at a keyframe.
    mutating func close(_ outputs: inout [Output]) {
        if let cut = self.cut { self.close(at: cut, &outputs) }
        if let start = self.open?.start {
            var end = start
            for (index, queue) in self.queues.enumerated() {
                guard let queueEnd = queue.end else { continue }
                end = max(end, index == 0 ? queueEnd + self.keyframeOffset : queueEnd)
            }
            if let written = self.open?.writtenUntil { end = max(end, written) }
            end = min(end, start + self.maximumDuration)
            if let last = self.last, let written = self.open?.writtenUntil, last.presentation > written, end - written > self.fragmentDuration {
                _ = self.write(until: last, &outputs)
            }
            let runs = self.queues.indices.compactMap { self.queues[$0].take(before: nil) }
            if !runs.isEmpty { self.add(runs, until: end, &outputs) }
            self.giveOut(endingAt: end, &outputs)
        }
        for index in self.queues.indices { self.droppedFrames += self.queues[index].reset() }
        self.open = nil
        self.cut = nil
        self.last = nil
        self.firstTime = nil
        self.keyframeOffset = .zero
        self.isStalled = false
        self.discontinuityDue = self.hasOutput || self.configuration.startsWithDiscontinuity
    }

    private mutating func takeRuns(before boundary: Boundary) -> [FragmentRun] {
        self.queues.indices.compactMap { index in
            // Nothing follows the last picture before a pause: it goes with its usual duration.
            let time = index > 0 ? boundary.presentation : self.isStalled ? nil : boundary.decode
            return self.queues[index].take(before: time)
        }
    }

    private mutating func add(_ runs: [FragmentRun], until end: MediaTime, _ outputs: inout [Output]) {
        let isIndependent = runs.first { $0.trackIndex == 0 }?.samples.first?.isSync ?? false
        guard var writer = self.writer else { return }
        let part = self.open?.add(
            runs, until: end, isIndependent: isIndependent, writer: &writer, prepareMemory: self.configuration.prepareMemory)
        if let part { outputs.append(.part(part)) }
        self.writer = writer
    }

    private mutating func giveOut(endingAt end: MediaTime, _ outputs: inout [Output]) {
        guard let builder = self.open.take() else { return }
        // A stretch without any sample has no segment, and leaves a hole in the timeline.
        let isDiscontinuity = builder.isDiscontinuity || (self.hasOutput && end > builder.start)
        guard let segment = builder.finished(at: end) else {
            self.discontinuityDue = isDiscontinuity
            return
        }
        self.nextNumber += 1
        self.hasOutput = true
        self.lastSegmentBytes = segment.byteCount
        outputs.append(.segment(segment))
    }
}
