public import NIOCore
import NIOPosix
import Packaging

/// One track of the segment that is being made, piece by piece as its parts come: each is a CMAF chunk (ISO/IEC 23000-19 §7.3.2.3). Nothing is kept for
/// who reads it: its parts are looked up on the shelf, or in the file they have gone to, when it is their turn.
public struct GrowingSegment: Sendable {
    public enum Step: Sendable {
        /// May be empty, when the part has nothing of the track.
        case piece(ByteBuffer)
        /// There within three target durations, or `broken`.
        case later(EventLoopFuture<Step>)
        /// That was the whole segment.
        case end
        /// The segment does not come to its end.
        case broken
    }

    let run: HLSRun
    let number: UInt64
    /// From 0.
    let track: Int
    let pool: NIOThreadPool
    let clock: @Sendable () -> NIODeadline

    /// The part of this index; to be asked for in order. Never blocks.
    public func step(_ index: Int, on eventLoop: any EventLoop) -> Step {
        if let step = self.known(index, on: eventLoop) { return step }
        if let blocked = self.run.block(.chunk(segment: self.number, index: index), on: eventLoop, now: self.clock()) {
            return .later(blocked.map { _ in self.known(index, on: eventLoop) ?? .broken })
        }
        // It may have come between the two looks.
        return self.known(index, on: eventLoop) ?? .broken
    }

    /// nil: not made yet.
    private func known(_ index: Int, on eventLoop: any EventLoop) -> Step? {
        guard let part = self.run.part(index, of: self.number) else { return self.run.segment(self.number) == nil ? nil : .end }
        switch part {
        case .memory(let bytes):
            return self.extract(bytes)
        case .file(let path, let offset, let length):
            // A slow reader: its segment has left memory.
            let read = self.pool.runIfActive(eventLoop: eventLoop) { () -> Step in
                SessionDirectory.read(path, offset: offset, length: length).map { self.extract($0) } ?? .broken
            }
            return .later(read.recover { _ in .broken })  // the pool is shut down: so is the server
        case .growing:
            return .broken  // no part grows
        }
    }

    private func extract(_ part: ByteBuffer) -> Step {
        do throws(TrackExtractor.Failure) {
            return .piece(try TrackExtractor.extract(track: self.track, from: part))
        } catch {
            return .broken
        }
    }
}
