import Logging
import Media
import NIOCore
import Outputs
import Store
import Streams
import Synchronization

extension BroadcastSupervisor {
    /// Makes what runs equal to what is wanted: closes what is not, or not as it runs, and while live starts what is missing, as far as it can be
    /// pushed.
    func endpointsChanged(_ endpoints: [EndpointRecord]) {
        for serviceID in self.board.serviceIDs {
            guard let running = self.board.endpoint(serviceID) else { continue }
            let isKept =
                endpoints.contains { $0.serviceID == serviceID && $0.isEnabled && $0.isPushed(as: running) }
                && self.isRightStream(of: running)
            if !isKept { self.close(serviceID) }
        }
        guard case .live = self.phase else { return }
        self.attach(endpoints)
    }

    /// Looks at the stored list again. Without an await in between, so that the newest list is the one that is acted on last.
    func rereadEndpoints() {
        do {
            if let record = try self.environment.database.broadcasts.find(self.id) { self.endpointsChanged(record.endpoints) }
        } catch {
            self.complain("endpoints not read", error)
        }
    }

    /// Whether an endpoint of this height can be pushed now: that of the source, or of one of its renditions.
    func canPush(height: Int) -> Bool {
        guard case .live = self.phase else { return true }
        return self.stream(height: height) != nil
    }

    /// What is pushed at this height; 0 is the stream as published.
    private func stream(height: Int) -> Stream? {
        guard height > 0, height != self.sourceHeight else { return self.stream }
        let rendition = self.environment.outputs.renditions.rendition(of: self.id, height: height)
        return rendition.flatMap { self.environment.streams.find($0.key(of: self.id)) }
    }

    /// Whether a running session has the stream of the endpoint's height. A publisher may come back with another: then what was a rendition is the source,
    /// or the other way round.
    private func isRightStream(of endpoint: EndpointRecord) -> Bool {
        guard case .live = self.phase, let pushed = self.board.stream(endpoint.serviceID) else { return true }
        if let right = self.stream(height: endpoint.resolutionHeight) { return right === pushed }
        // Its rendition may come again. The source, of a height that is not asked for, is nothing to wait with.
        return pushed !== self.stream || self.sourceHeight == 0
    }

    func attach(_ endpoints: [EndpointRecord]) {
        let running = self.board.serviceIDs
        let settings = self.environment.configuration
        for endpoint in endpoints where endpoint.isEnabled && !running.contains(endpoint.serviceID) {
            guard let stream = self.stream(height: endpoint.resolutionHeight) else { continue }
            var configuration = DestinationConfiguration(
                id: endpoint.serviceID, url: endpoint.url, republishLimit: settings.republishLimit, healthCheckPeriod: settings.healthCheckPeriod,
                addsSilence: endpoint.addsSilence ?? PlatformPreset.of(url: endpoint.url)?.needsSound ?? false)
            configuration.timing.grace = settings.graceWindow
            configuration.fill = self.fill(for: stream)
            let watch = DestinationWatch(streamID: self.id, url: endpoint.url, emit: self.environment.emit)
            let session = self.environment.outputs.makeDestination(configuration, stream) { watch.changed($0) }
            self.board.add(endpoint, of: stream, session)
            self.open += 1
            session.start()
        }
    }

    private func close(_ serviceID: String) {
        guard let session = self.board.take(serviceID) else { return }
        self.close(session)
    }

    private func close(_ session: any RestreamSession) {
        // Ends by itself: a destination closes within two seconds, whatever its peer does.
        Task {
            await session.stop()
            self.open -= 1
            self.environment.mailbox.put(.outputEnded(id: self.id))
        }
    }

    /// Closes all; the statuses to be stored, by service id. What had been given up stays so, the rest is finished.
    func closeDestinations() -> [String: String] {
        self.board.takeAll().mapValues { session in
            let status = session.status
            self.close(session)
            return status.state == .failed ? status.contractStatus : "finished"
        }
    }
}

// MARK: What stands in for the stream

/// Which broadcast stands in for this one at its destinations, as last stored.
final class BackupSlot: Sendable {
    private let slot = Mutex<String?>(nil)

    var id: String? {
        get { self.slot.withLock { $0 } }
        set { self.slot.withLock { $0 = newValue } }
    }
}

extension BroadcastSupervisor {
    /// The backup's pictures in the height that is pushed, where it has such; else as they are published.
    private func fill(for stream: Stream) -> DestinationFill {
        let settings = self.environment.configuration
        let (streams, slot, height) = (self.environment.streams, self.backup, stream.key.renditionHeight)
        return DestinationFill(
            after: settings.slateAfter, limit: settings.slateLimit, slate: self.environment.outputs.slate,
            backup: {
                guard let id = slot.id else { return nil }
                if height > 0, let rendition = streams.find(StreamKey(id, renditionHeight: height)), rendition.isLive { return rendition }
                return streams.find(StreamKey(id))
            },
            wanted: { [onBackup = self.environment.onBackup] in slot.id.map(onBackup) })
    }
}

// MARK: Between two publishers

/// A wait for a publisher to come back.
struct Hold {
    var saidGoodbye: Bool
    var since: ContinuousClock.Instant
    var until: ContinuousClock.Instant
}

extension BroadcastSupervisor {
    /// Whether the destinations stay open for a publisher that may come back: not when somebody wanted the end.
    func isHeld(after end: PublishEnd) -> Bool {
        if case .stopped = end { return false }
        return !self.isLetGo && self.window(saidGoodbye: end == .finished) > .zero && !self.board.isEmpty
    }

    /// How long any destination may stay open; those for which nothing can stand in end sooner by themselves.
    private func window(saidGoodbye: Bool) -> TimeAmount {
        let settings = self.environment.configuration
        let isFilled = self.environment.outputs.slate != nil || self.backup.id != nil
        guard isFilled, !saidGoodbye || settings.slateAfterGoodbye else { return settings.graceWindow }
        return max(settings.graceWindow, settings.slateLimit)
    }

    /// Whether a wait that was under way goes on after a publisher that was never live: it changes nothing, unless somebody wanted the end.
    func isHeldOn(after end: PublishEnd) -> Bool {
        if case .stopped = end { return false }
        return !self.isLetGo && self.holding != nil
    }

    /// Waits for a publisher to come back. Each destination does so too, by itself: this closes what is left of them.
    func hold(saidGoodbye: Bool) {
        let now = ContinuousClock.now
        let window = self.window(saidGoodbye: saidGoodbye).nanoseconds
        self.board.publisherLeft(saidGoodbye: saidGoodbye && !self.environment.configuration.slateAfterGoodbye)
        self.log("destinations held", ["seconds": "\(window / 1_000_000_000)"])
        self.wait(Hold(saidGoodbye: saidGoodbye, since: now, until: now + .nanoseconds(window)))
    }

    private func wait(_ hold: Hold) {
        self.currentHold = hold
        self.holding?.cancel()
        self.holding = Task { [weak self] in
            do { try await Task.sleep(until: hold.until, clock: .continuous) } catch { return }
            await self?.holdIsOver()
        }
    }

    /// Which broadcast stands in may have been changed, and with it how long the destinations stay open.
    func backupChanged() {
        self.rereadBackup()
        guard self.holding != nil, var hold = self.currentHold else { return }
        let end = hold.since + .nanoseconds(self.window(saidGoodbye: hold.saidGoodbye).nanoseconds)
        // Those who lose what stands in are held for another window.
        let grace = ContinuousClock.now + .nanoseconds(self.environment.configuration.graceWindow.nanoseconds)
        hold.until = end >= hold.until ? end : min(hold.until, max(end, grace))
        self.wait(hold)
    }

    /// Without an await in between, so that what was stored last is what counts.
    func rereadBackup() {
        do {
            self.backup.id = try self.environment.database.broadcasts.find(self.id)?.source.backupID
        } catch {
            self.complain("backup not read", error)
        }
    }

    private func holdIsOver() async {
        // It may have been made longer in the same moment.
        guard self.holding != nil, let hold = self.currentHold, ContinuousClock.now >= hold.until else { return }
        // Not cancelled: it is the one that runs here, and what is stored below would be given up with it.
        self.holding = nil
        await self.closeHeld()
    }

    /// The publisher is back.
    func stopHolding() {
        self.holding?.cancel()
        self.holding = nil
    }

    /// The broadcast is to end: nothing is held after that, and what is held now is closed.
    func letGo() async {
        self.isLetGo = true
        await self.endHold()
    }

    func endHold() async {
        guard self.holding != nil else { return }
        self.stopHolding()
        await self.closeHeld()
    }

    private func closeHeld() async {
        // A new publisher whose tracks are not known yet: its destinations are ended by themselves, and come back with it.
        guard self.phase == .idle else { return }
        let statuses = self.closeDestinations()
        do {
            try await self.environment.database.broadcasts.setEndpointStatuses(statuses, of: self.id)
        } catch {
            self.complain("endpoints not stored", error)
        }
    }
}

extension EndpointRecord {
    /// A destination that was made for `other` does what this one asks for.
    fileprivate func isPushed(as other: EndpointRecord) -> Bool {
        self.url == other.url && self.resolutionHeight == other.resolutionHeight && self.addsSilence == other.addsSilence
    }
}

/// Tells of the changes in a destination's life that somebody may have to act on, each once.
final class DestinationWatch: Sendable {
    private struct Feed {
        var feeding = DestinationFeeding.source
        var problem: String?
    }

    private enum Mood {
        case quiet
        case well
        case troubled
        case givenUp
    }

    private let streamID: String
    private let url: String
    private let emit: @Sendable (BroadcastEvent) -> Void
    private let mood = Mutex(Mood.quiet)
    private let feed = Mutex(Feed())

    init(streamID: String, url: String, emit: @escaping @Sendable (BroadcastEvent) -> Void) {
        self.streamID = streamID
        self.url = url
        self.emit = emit
    }

    func changed(_ status: DestinationStatus) {
        self.moodChanged(status)
        self.feedChanged(status)
    }

    /// That nothing is sent for a while is no news; what stands in is, and its end, be it that the stream is back or that the destination is closed.
    private func feedChanged(_ status: DestinationStatus) {
        let (feeding, isOther, isUnavailable): (DestinationFeeding?, Bool, Bool) = self.feed.withLock { feed in
            var feeding = status.feeding.flatMap { $0 == .held ? nil : $0 }
            if status.feeding == nil, [.idle, .stopped, .failed].contains(status.state), feed.feeding != .source { feeding = .held }
            let isOther = feeding.map { $0 != feed.feeding } ?? false
            let isUnavailable = status.slateProblem != nil && status.slateProblem != feed.problem
            // A stream that comes back to a new connection is no news after that.
            if let feeding { feed.feeding = feeding == .held ? .source : feeding }
            feed.problem = status.slateProblem
            return (feeding, isOther, isUnavailable)
        }
        if let feeding, isOther { self.emit(.endpointFeedChanged(streamID: self.streamID, serviceID: status.id, feeding: feeding.rawValue)) }
        if let problem = status.slateProblem, isUnavailable {
            self.emit(.slateUnavailable(streamID: self.streamID, serviceID: status.id, reason: problem))
        }
    }

    private func moodChanged(_ status: DestinationStatus) {
        let new: Mood? =
            switch status.state {
            case .live: .well
            case .stalled, .retrying: .troubled
            case .failed: .givenUp
            case .idle, .stopped: .quiet
            case .connecting: nil
            }
        guard let new else { return }
        let before = self.mood.withLock { mood in
            defer { mood = new }
            return mood
        }
        guard new != before else { return }
        switch new {
        case .well: self.emit(.endpointConnected(streamID: self.streamID, serviceID: status.id))
        case .troubled:
            self.emit(
                .endpointInterrupted(
                    streamID: self.streamID, serviceID: status.id, errorClass: status.errorClass?.rawValue ?? "", reason: status.lastError ?? ""))
        case .givenUp: self.emit(.endpointFailed(streamID: self.streamID, serviceID: status.id, url: self.url))
        case .quiet: break
        }
    }
}
