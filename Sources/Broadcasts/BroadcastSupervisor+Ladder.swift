import Logging
import Outputs
import Store
import Streams
import Synchronization

/// The running ladder of a broadcast, for whoever shows its numbers.
final class LadderSlot: Sendable {
    private struct State {
        var current: (any LadderSession)?
        /// Of the newest one; what an older one says is not said of it.
        var number = 0
        /// What `current` is to make, or was when it failed.
        var settings: [RenditionSetting] = []
        /// Of those that failed while the stream was live.
        var droppedBefore = 0
    }

    private let state = Mutex(State())

    var current: (any LadderSession)? { self.state.withLock { $0.current } }
    var settings: [RenditionSetting] { self.state.withLock { $0.settings } }
    /// Since the stream is live, or longer.
    var droppedFrames: Int {
        let (ladder, before) = self.state.withLock { ($0.current, $0.droppedBefore) }
        return before + (ladder?.droppedFrames ?? 0)
    }

    /// Of the next one.
    func number() -> Int {
        self.state.withLock { state in
            state.number += 1
            return state.number
        }
    }

    func set(_ ladder: any LadderSession, settings: [RenditionSetting]) {
        let dropped = self.current?.droppedFrames ?? 0
        self.state.withLock { state in
            state.current = ladder
            state.settings = settings
            state.droppedBefore += dropped
        }
    }

    func changed(to settings: [RenditionSetting]) { self.state.withLock { $0.settings = settings } }

    /// There is none any more, and the next one begins afresh.
    func clear() {
        self.state.withLock { state in
            state.current = nil
            state.settings = []
            state.droppedBefore = 0
        }
    }

    /// If it is the one that is here, it has failed: whoever is told to end is not here any more.
    func closed(_ number: Int) {
        let failed = self.state.withLock { $0.number == number ? $0.current : nil }
        guard let failed else { return }
        let dropped = failed.droppedFrames
        self.state.withLock { state in
            guard state.number == number, state.current != nil else { return }
            state.current = nil
            state.droppedBefore += dropped
        }
    }
}

extension BroadcastSupervisor {
    /// What a broadcast names itself, else what the server makes of every stream.
    private func renditions(of record: BroadcastRecord) -> [RenditionSetting] {
        guard let own = record.output.encoders, !own.isEmpty else { return self.environment.configuration.renditions }
        return own.map { RenditionSetting($0) }
    }

    /// The stream is live, or live again with another publisher: then the ladder goes on.
    func startLadder(_ record: BroadcastRecord) { self.makeRenditions(record, from: .latestGroup) }

    /// The stored list may have changed while the stream is live.
    func renditionsChanged(_ record: BroadcastRecord) {
        guard case .live = self.phase else { return }
        self.makeRenditions(record, from: .live)
    }

    private func makeRenditions(_ record: BroadcastRecord, from start: StreamStart) {
        let settings = self.renditions(of: record)
        if let ladder = self.ladder.current {
            guard !settings.isEmpty else {
                self.ladder.clear()
                return ladder.stop()
            }
            if ladder.change(to: settings) { return self.ladder.changed(to: settings) }
        }
        guard !settings.isEmpty else { return self.ladder.changed(to: settings) }
        // What has failed is tried again with another publisher or other settings, and not each time that the same are stored again.
        guard start == .latestGroup || settings != self.ladder.settings else { return }
        guard let stream = self.stream, let makeLadder = self.environment.outputs.makeLadder else { return }
        let (id, mailbox) = (self.id, self.environment.mailbox)
        let number = self.ladder.number()
        // It tells of its end from a thread of its own; there is nobody to wait for it here.
        let callbacks = LadderCallbacks(
            onEvent: { mailbox.put(.rendition(id: id, $0)) }, onClosed: { Task { await self.ladderClosed(number) } })
        let ladder = makeLadder(stream, settings, callbacks)
        self.open += 1
        self.ladder.set(ladder, settings: settings)
        guard !ladder.start(from: start) else { return }
        self.open -= 1
        self.ladder.clear()
        self.environment.logger.error("no thread for renditions", metadata: ["stream": "\(self.id)"])
    }

    private func ladderClosed(_ number: Int) {
        self.ladder.closed(number)
        self.open -= 1
        self.environment.mailbox.put(.outputEnded(id: self.id))
    }

    func received(_ event: LadderEvent) {
        switch event {
        case .started:
            self.environment.outputs.hls.renditionsChanged(of: self.id)
            // Some may have waited for a rendition of their height.
            self.rereadEndpoints()
        case .notStarted(let height, let reason):
            self.environment.emit(.encoderNotOpened(streamID: self.id, height: height, reason: reason))
        case .failed(let height, let reason):
            self.environment.emit(.renditionFailed(streamID: self.id, height: height, reason: reason))
        case .shed(let height):
            self.environment.emit(.renditionShed(streamID: self.id, height: height))
        }
    }
}

extension RenditionSetting {
    /// `forceEncode` asks the reference to encode what is larger than the source too. That is never done here (docs/decisions).
    init(_ settings: EncoderSettings) {
        self.init(
            height: settings.height, videoBitrate: settings.videoBitrate, audioBitrate: settings.audioBitrate,
            encodesSameHeight: settings.forceSameResolutionEncode)
    }
}
