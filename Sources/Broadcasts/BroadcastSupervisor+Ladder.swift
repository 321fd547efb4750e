import Logging
import Outputs
import Store
import Streams
import Synchronization

/// The running ladder of a broadcast, for whoever shows its numbers.
final class LadderSlot: Sendable {
    private let ladder = Mutex<(any LadderSession)?>(nil)

    var current: (any LadderSession)? {
        get { self.ladder.withLock { $0 } }
        set { self.ladder.withLock { $0 = newValue } }
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
            guard settings.isEmpty else { return ladder.change(to: settings) }
            self.ladder.current = nil
            return ladder.stop()
        }
        guard !settings.isEmpty, let stream = self.stream, let makeLadder = self.environment.outputs.makeLadder else { return }
        let (id, mailbox) = (self.id, self.environment.mailbox)
        // It tells of its end from a thread of its own; there is nobody to wait for it here.
        let callbacks = LadderCallbacks(
            onEvent: { mailbox.put(.rendition(id: id, $0)) }, onClosed: { Task { await self.ladderClosed() } })
        let ladder = makeLadder(stream, settings, callbacks)
        self.open += 1
        self.ladder.current = ladder
        guard !ladder.start(from: start) else { return }
        self.open -= 1
        self.ladder.current = nil
        self.environment.logger.error("no thread for renditions", metadata: ["stream": "\(self.id)"])
    }

    private func ladderClosed() {
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
