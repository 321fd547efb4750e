import AV
import Media

/// The thread of a pull of one live source: opens it, publishes what it sends as it sends it, and begins again when it is gone. Its times go to the
/// hub as they are; repairing them is the hub's business.
struct LiveRunner {
    private let pull: RunningPull
    private let item: PullItem

    init(_ pull: RunningPull, _ item: PullItem) {
        self.pull = pull
        self.item = item
    }

    func run() {
        while let generation = self.pull.opens(index: 0) {
            let failure: PullFailure
            do throws(PullFailure) {
                try self.play(generation)
                failure = PullFailure(cause: .ended, text: "the source ended")
            } catch {
                failure = error
            }
            guard let next = self.pull.lost(failure, generation: generation) else { return }
            self.pull.sleep(until: next)
        }
    }

    /// Returns at the input's end, and when the pull was stopped.
    private func play(_ generation: UInt64) throws(PullFailure) {
        let interrupt = Interrupt()
        guard self.pull.adopt(interrupt) else { return }
        let input = try self.pull.environment.opener.open(self.item, normalises: false, interrupt: interrupt)
        self.pull.describe(input)
        let feed = PullFeed(self.pull, generation: generation)
        var tolerance = ReadTolerance(isFile: self.item.isFile)
        // A file that was given as a live source would come all at once.
        var pacer = self.item.isFile || !input.isLive ? PullPacer() : nil
        while true {
            if let time = self.pull.takeSeek() { try input.seek(to: time) }
            let next: FrameReader.Item?
            do throws(PullFailure) {
                next = try input.next()
            } catch {
                guard tolerance.passes(over: error) else { throw error }
                continue
            }
            tolerance.succeeded()
            switch next {
            case nil: return
            case .tracks(let tracks): feed.expect(tracks)
            case .frame(let frame):
                guard self.isDue(frame, &pacer) else { continue }
                guard try feed.send(frame, index: 0) else { return }
                if pacer != nil { self.pull.reached(frame.presentationTime - (input.startTime ?? .zero)) }
            }
        }
    }

    /// Waits until it is; false when something else was wanted meanwhile.
    private func isDue(_ frame: EncodedFrame, _ pacer: inout PullPacer?) -> Bool {
        guard let due = pacer?.due(frame.decodeTime, now: self.pull.clock.now()) else { return true }
        while self.pull.clock.now() < due {
            self.pull.clock.wait(until: due)
            if self.pull.isFinished || self.pull.wantsSeek { return false }
        }
        return true
    }
}
