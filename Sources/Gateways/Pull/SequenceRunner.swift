import AV
import Media

/// The thread of a sequence: plays item after item as one publish, the next one always opened before the one before it ends.
final class SequenceRunner {
    /// How a run of items came to its end.
    private enum Outcome {
        case stopped
        case listEnded(PullFailure?)
        /// Nothing of the list can be played now.
        case exhausted(PullFailure)
    }

    /// How long before the end of an item the next one is opened: time to connect, or to find out that it has to be passed over.
    private static let lookAhead = MediaTime(milliseconds: 10_000)
    /// The same for sources that arrive in real time: what they send meanwhile waits.
    private static let lookAheadLive = MediaTime(milliseconds: 3_000)
    /// An item that breaks off sooner counts as one that cannot be played. Nanoseconds.
    private static let shortestPlay: Int64 = 1_000_000_000

    private struct Pending {
        /// On the sequence's timeline.
        var placed: EncodedFrame
        /// As it was read.
        var source: EncodedFrame
        /// Monotonic nanoseconds; nil: at once.
        var due: Int64?
    }

    private let pull: RunningPull
    private let ahead: ItemPrefetch
    private var timeline = SequenceTimeline()
    private var pacer = PullPacer()
    private var playing: PlayingItem?
    private var pending: Pending?
    private var silence: SilentFrames?
    private var lastFailure: PullFailure?

    init(_ pull: RunningPull) {
        self.pull = pull
        self.ahead = pull.ahead
    }

    func run() {
        defer { self.ahead.drop() }
        while let generation = self.pull.opens(index: self.pull.next().key?.index ?? 0) {
            self.timeline = SequenceTimeline()
            self.pacer = PullPacer()
            let outcome = self.play(PullFeed(self.pull, generation: generation))
            self.leaveItem()
            switch outcome {
            case .stopped: return
            case .listEnded(let failure): return self.pull.listEnded(failure)
            case .exhausted(let failure):
                self.ahead.drop()
                guard let next = self.pull.lost(failure, generation: generation) else { return }
                self.pull.sleep(until: next)
                self.pull.retryList()
            }
        }
    }

    private func play(_ feed: PullFeed) -> Outcome {
        while !self.pull.isFinished {
            let next = self.pull.next()
            if self.lookedAhead(next) { continue }
            if self.playing == nil, next.key == nil { return self.outcome(next) }
            do throws(PullFailure) {
                try self.goOn(next, feed)
            } catch {
                self.broke(error)
            }
        }
        return .stopped
    }

    private func goOn(_ next: RunningPull.Next, _ feed: PullFeed) throws(PullFailure) {
        if self.playing == nil || next.isSkipping, let key = next.key, case .ready = self.ahead.outcome(of: key) {
            return try self.takeOver(feed)
        }
        guard let playing = self.playing else { return self.pull.clock.wait(until: Int64.max) }
        try self.seekIfAsked(playing, feed)
        try self.step(playing, feed)
    }

    private func outcome(_ next: RunningPull.Next) -> Outcome {
        guard next.loops else { return .listEnded(next.allFailed ? self.lastFailure : nil) }
        return .exhausted(self.lastFailure ?? PullFailure(cause: .other, text: "there is nothing to play"))
    }

    // MARK: The next item

    /// Opens what comes next in time. True when what comes next should be looked at again.
    private func lookedAhead(_ next: RunningPull.Next) -> Bool {
        guard let key = next.key else {
            if !self.ahead.isIdle { self.ahead.drop() }
            return false
        }
        switch self.ahead.outcome(of: key) {
        case .failed(let failure):
            self.ahead.drop()
            self.lastFailure = failure
            self.pull.itemFailed(key.index, failure, .opening)
            return true
        case .none:
            if self.isTime(for: key, next) {
                self.pull.openAhead(key)
                // Something else may have been asked for in the same moment; it would have been given up just now.
                return true
            }
            if !self.ahead.isIdle { self.ahead.drop() }
            return false
        case .pending, .ready:
            // After a seek back it would wait for long, and its peer might not.
            if let remaining = self.playing?.remaining, !next.isSkipping, remaining.microseconds > Self.lookAhead.microseconds * 3 {
                self.ahead.drop()
            }
            return false
        }
    }

    private func isTime(for key: ItemPrefetch.Key, _ next: RunningPull.Next) -> Bool {
        guard let playing = self.playing, !next.isSkipping else { return true }
        // An item of unknown length may end any time; a live one behind it would only pile up what it sends.
        guard let remaining = playing.remaining else { return key.item.isFile && playing.isPaced }
        return remaining <= (key.item.isFile ? Self.lookAhead : Self.lookAheadLive)
    }

    private func takeOver(_ feed: PullFeed) throws(PullFailure) {
        try self.sendPending(feed)
        guard let opened = self.ahead.take() else { return }
        guard self.pull.takeOver(opened.key, interrupt: opened.interrupt) else {
            opened.interrupt.cancel()
            return
        }
        self.leaveItem()
        let item = PlayingItem(opened, startedAt: self.pull.clock.now())
        self.playing = item
        self.pull.describe(item.input)
        self.place(item, opened.head, feed)
    }

    /// The frames that follow come right behind what was played.
    private func place(_ item: PlayingItem, _ head: ItemHead, _ feed: PullFeed) {
        self.pending = nil
        self.silence = nil
        if let sound = feed.sound, !item.tracks.contains(where: { $0.kind == .audio }) {
            self.silence = SilentFrames(track: sound, from: self.timeline.end)
        }
        self.timeline.begin(tracks: item.tracks, firstPresentation: head.firstPresentation ?? .zero)
        feed.expect(item.tracks)
    }

    /// What waits for its time has its place already: leaving it out would leave a hole.
    private func sendPending(_ feed: PullFeed) throws(PullFailure) {
        guard let pending = self.pending, let playing = self.playing, playing.hasStarted else { return }
        self.pending = nil
        _ = try feed.send(pending.placed, index: playing.key.index)
    }

    private func leaveItem() {
        self.playing = nil
        self.pending = nil
        self.silence = nil
    }

    // MARK: The item being played

    private func seekIfAsked(_ playing: PlayingItem, _ feed: PullFeed) throws(PullFailure) {
        guard let time = self.pull.takeSeek() else { return }
        try self.sendPending(feed)
        self.place(playing, try playing.seek(to: time), feed)
    }

    /// Publishes one frame, or waits for its time.
    private func step(_ playing: PlayingItem, _ feed: PullFeed) throws(PullFailure) {
        if self.pending == nil, !(try self.readNext(playing, feed)) { return }
        guard let pending = self.pending else { return }
        if let due = pending.due, self.pull.clock.now() < due {
            self.pull.clock.wait(until: due)
            // Woken early: there may be something else to do.
            guard self.pull.clock.now() >= due else { return }
        }
        self.pending = nil
        try self.sendSilence(before: pending.placed.presentationTime, feed)
        guard try feed.send(pending.placed, index: playing.key.index) else { return }
        playing.passed(pending.source)
        if let position = playing.position { self.pull.reached(position) }
        if !playing.hasStarted {
            playing.hasStarted = true
            self.pull.itemStarted(playing.key.index)
        }
        if !playing.countsAsPlayed, self.pull.clock.now() - playing.startedAt >= Self.shortestPlay { self.countAsPlayed(playing) }
    }

    /// False when there was no frame.
    private func readNext(_ playing: PlayingItem, _ feed: PullFeed) throws(PullFailure) -> Bool {
        let item: FrameReader.Item?
        do throws(PullFailure) {
            item = try playing.next()
        } catch {
            guard playing.tolerance.passes(over: error) else { throw error }
            return false
        }
        switch item {
        case nil:
            guard playing.isPaced else { throw PullFailure(cause: .ended, text: "the source ended") }
            try self.sendSilence(before: self.timeline.end, feed)
            self.countAsPlayed(playing)
            self.leaveItem()
            return false
        case .tracks(let tracks):
            feed.expect(tracks)
            return false
        case .frame(let frame):
            guard let placed = self.timeline.place(frame) else { return false }
            let now = self.pull.clock.now()
            var due: Int64?
            if playing.isPaced { due = self.pacer.due(placed.decodeTime, now: now) } else { self.pacer.follow(placed.decodeTime, now: now) }
            self.pending = Pending(placed: placed, source: frame, due: due)
            return true
        }
    }

    private func sendSilence(before time: MediaTime, _ feed: PullFeed) throws(PullFailure) {
        guard let index = self.playing?.key.index else { return }
        while let frame = self.silence?.next(before: time), try feed.send(frame, index: index) {}
    }

    private func countAsPlayed(_ playing: PlayingItem) {
        playing.countsAsPlayed = true
        self.pull.itemPlayed()
    }

    /// A failure of the item being played: the next one follows.
    private func broke(_ failure: PullFailure) {
        // Nothing to tell when we ended it ourselves: stopped, or another one was asked for and is there.
        if let playing = self.playing, !playing.interrupt.isCancelled, !self.pull.isFinished {
            let hasPlayed = playing.countsAsPlayed || self.pull.clock.now() - playing.startedAt >= Self.shortestPlay
            let isEnd = hasPlayed && !playing.isPaced && failure.cause == .ended
            self.lastFailure = failure
            if !isEnd { self.pull.itemFailed(playing.key.index, failure, hasPlayed ? .late : .early) }
        }
        self.leaveItem()
    }
}
