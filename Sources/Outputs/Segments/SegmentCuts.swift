import Media
import Packaging
import Synchronization

/// Where a source's segments begin, told to the packagers of its renditions as it is decided, so that they cut at the same pictures. One for each
/// session of the source's packager, which is the only one to write it; renditions come after their source by what decoding and encoding takes.
final class SegmentCuts: Sendable {
    /// What renditions have in common with their source beside the cuts.
    struct Common: Sendable {
        var targetSeconds: Int?
        /// Wall clock minus stream time, in milliseconds.
        var wallOffset: Int64?
    }

    private struct State {
        /// Oldest first.
        var cuts: [(time: MediaTime, number: UInt64)] = []
        var seenUntil: MediaTime?
        var isOver = false
        var common = Common()
        var followers: [ObjectIdentifier: @Sendable () -> Void] = [:]
    }

    /// A rendition that is further behind is not worth waiting for.
    private static let kept = 64

    private let state = Mutex(State())

    var common: Common { self.state.withLock { $0.common } }

    // MARK: The source's side

    func set(targetSeconds: Int) { self.state.withLock { $0.common.targetSeconds = targetSeconds } }
    func set(wallOffset: Int64?) { self.state.withLock { $0.common.wallOffset = wallOffset } }

    /// The source has a keyframe that is shown at `time`; the segment of this number begins with it, if there is one.
    func note(keyframe time: MediaTime, number: UInt64?) {
        self.state.withLock { state in
            if let number {
                state.cuts.append((time, number))
                if state.cuts.count > Self.kept { state.cuts.removeFirst() }
            }
            state.seenUntil = max(state.seenUntil ?? time, time)
        }
    }

    /// To be called after `note`, when all that was at hand was looked at.
    func wakeFollowers() {
        for wake in self.state.withLock({ $0.followers }).values { wake() }
    }

    /// The source is not packaged any more.
    func end() {
        let followers = self.state.withLock { state in
            state.isOver = true
            defer { state.followers = [:] }
            return state.followers
        }
        for wake in followers.values { wake() }
    }

    // MARK: The renditions' side

    /// `wake` must not block; it is called until `end`, or until `follower` is one no more.
    func follow(as follower: AnyObject, _ wake: @escaping @Sendable () -> Void) {
        let isOver = self.state.withLock { state in
            if !state.isOver { state.followers[ObjectIdentifier(follower)] = wake }
            return state.isOver
        }
        if isOver { wake() }
    }

    func unfollow(_ follower: AnyObject) {
        // Let go outside the lock.
        _ = self.state.withLock { $0.followers.removeValue(forKey: ObjectIdentifier(follower)) }
    }

    /// What the source does with the keyframe that is shown at `time`; nil while it has not come there.
    func lead(at time: MediaTime) -> Segmenter.Lead? {
        self.state.withLock { state in
            if let cut = state.cuts.last(where: { $0.time == time }) { return .begins(cut.number) }
            if state.isOver { return .free }
            guard let seenUntil = state.seenUntil, time <= seenUntil else { return nil }
            return .continues
        }
    }
}
