import Media
import NIOCore

/// Where each frame goes, and what it means for the open segment.
extension Segmenter {
    /// Waits for a keyframe. Audio is kept meanwhile, as it may be ahead of it, and starts alone when no picture comes.
    mutating func appendBeforeStart(_ frame: EncodedFrame, at index: Int) {
        guard index != 0 || (frame.isKeyframe && self.mayBegin(with: frame)), self.queues[index].append(frame) else {
            self.droppedFrames += 1
            return
        }
        guard let newest = self.queues[index].newest, let oldest = self.queues[index].oldest else { return }
        if index == 0 {
            self.keyframeOffset = self.leadIsVideo ? frame.compositionOffset : .zero
            let boundary = Boundary(decode: newest, presentation: newest + self.keyframeOffset, isIndependent: true)
            for follower in self.queues.indices.dropFirst() {
                self.droppedFrames += self.queues[follower].drop(before: boundary.presentation)
            }
            self.last = boundary
            self.firstTime = boundary.presentation
            self.begin(at: boundary)
        } else if newest - oldest > self.stallLimit || self.queuedBytes > self.configuration.maximumBytes {
            self.isStalled = true
            self.begin(at: Boundary(decode: oldest, presentation: oldest, isIndependent: true))
        }
    }

    /// Where somebody else cuts first, segments begin together with theirs.
    private mutating func mayBegin(with keyframe: EncodedFrame) -> Bool {
        guard self.leadIsVideo, let lead = self.configuration.lead else { return true }
        switch lead(keyframe.presentationTime) {
        case .continues: return false
        case .free: return true
        case .begins(let number):
            if self.configuration.takesLeadsNumber, !self.hasOutput { self.nextNumber = max(self.nextNumber, number) }
            return true
        }
    }

    mutating func appendLead(_ frame: EncodedFrame, _ outputs: inout [Output]) {
        // A pause of the lead; when audio went on meanwhile, it counts from the segment that audio has made.
        let reached = self.isStalled ? self.open?.start : self.last?.decode
        if let reached, frame.decodeTime - reached > self.maximumDuration {
            self.close(&outputs)
            self.appendBeforeStart(frame, at: 0)
            return
        }
        // After a start on audio alone there is nothing yet that a picture could refer to.
        guard self.last != nil || frame.isKeyframe, self.queues[0].append(frame), let decode = self.queues[0].newest else {
            self.droppedFrames += 1
            return
        }
        let wasStalled = self.isStalled
        self.isStalled = false
        if frame.isKeyframe, self.leadIsVideo { self.keyframeOffset = frame.compositionOffset }
        let previous = self.last
        let floor = previous?.presentation ?? self.open?.start ?? .zero
        let boundary = Boundary(
            decode: decode, presentation: max(decode + self.keyframeOffset, floor), isIndependent: frame.isKeyframe)
        self.last = boundary

        if let cut = self.cut, self.hasWaitedEnough(for: cut, at: boundary) { self.close(at: cut, &outputs) }
        if self.cut == nil {
            if wasStalled, !frame.isKeyframe { self.open?.isIndependent = false }
            if !wasStalled, let previous { self.writeFragments(ifDueAt: boundary, previous: previous, &outputs) }
            self.cut = self.decideCut(at: boundary, previous: wasStalled ? nil : previous, isResuming: wasStalled, &outputs)
        }
        self.closeIfReady(&outputs)
    }

    mutating func appendFollower(_ frame: EncodedFrame, at index: Int, _ outputs: inout [Output]) {
        // With B-frames the first picture is shown later than it is decoded, and sound of the time between still comes.
        if let first = self.firstTime {
            guard frame.decodeTime >= first else {
                self.droppedFrames += 1
                return
            }
        }
        let previous = self.queues[index].newest ?? self.open?.start
        if let previous, self.leadHasPaused(at: frame.decodeTime), frame.decodeTime - previous > self.maximumDuration {
            self.close(&outputs)
            self.appendBeforeStart(frame, at: index)
            return
        }
        guard self.queues[index].append(frame), let time = self.queues[index].newest else {
            self.droppedFrames += 1
            return
        }
        guard self.cut == nil else {
            self.closeIfReady(&outputs)
            return
        }
        if !self.isStalled, self.leadHasPaused(at: time), let start = self.open?.start {
            self.isStalled = true
            self.close(at: self.audioBoundary(min(time, start + self.maximumDuration)), &outputs)
        }
        guard self.isStalled else { return }
        let target = min(self.configuration.targetDuration, self.maximumDuration)
        while let start = self.open?.start, time - start >= target { self.close(at: self.audioBoundary(start + target), &outputs) }
        while let written = self.open?.writtenUntil, time - written > self.fragmentDuration {
            guard self.write(until: self.audioBoundary(written + self.fragmentDuration), &outputs) else { break }
        }
    }

    private func audioBoundary(_ time: MediaTime) -> Boundary { Boundary(decode: time, presentation: time, isIndependent: true) }

    private func leadHasPaused(at time: MediaTime) -> Bool {
        guard self.leadIsVideo else { return false }
        guard let last = self.last else { return true }
        return time - last.presentation > self.stallLimit
    }

    /// The old segment's audio is not coming, or there is no room to wait for it.
    private func hasWaitedEnough(for cut: Boundary, at boundary: Boundary) -> Bool {
        boundary.decode - cut.decode > self.configuration.audioPatience
            || (boundary.isIndependent && boundary.presentation - cut.presentation >= self.earliestCut)
            || self.queuedBytes > self.configuration.maximumBytes
    }

    /// Encoders' stamps jitter: a GOP of the target's length must not miss the cut by a millisecond. Audio can be cut anywhere.
    var earliestCut: MediaTime {
        let target = self.configuration.targetDuration
        return self.leadIsVideo ? MediaTime(microseconds: target.microseconds * 19 / 20) : target
    }

    /// Whether a segment ends at `boundary`, or has to end at `previous`.
    private mutating func decideCut(
        at boundary: Boundary, previous: Boundary?, isResuming: Bool, _ outputs: inout [Output]
    ) -> Boundary? {
        guard let start = self.open?.start, boundary.presentation > start else { return nil }
        let elapsed = boundary.presentation - start
        let isFull = (self.open?.byteCount ?? 0) + self.queuedBytes > self.configuration.maximumBytes
        guard elapsed > self.maximumDuration || isFull else {
            guard boundary.isIndependent else { return nil }
            var isWanted = elapsed >= self.earliestCut || self.open?.isIndependent == false || isResuming
            if self.leadIsVideo, let lead = self.configuration.lead?(boundary.presentation), lead != .free { isWanted = lead != .continues }
            return isWanted ? boundary : nil
        }
        // The segment would be too long with the picture before this one, so that one begins the next.
        guard let previous, previous.presentation > start, !boundary.isIndependent || elapsed > self.maximumDuration else { return boundary }
        guard boundary.isIndependent else { return previous }
        self.close(at: previous, &outputs)
        return boundary
    }
}
