import Logging
import Media
import Outputs
import Store
import Streams
import Synchronization

extension BroadcastSupervisor {
    /// Makes what runs equal to the list, as far as it can be pushed: starts what is missing, closes what has gone. Does nothing while not live.
    func endpointsChanged(_ endpoints: [EndpointRecord]) {
        guard case .live = self.phase else { return }
        let wanted = Set(endpoints.map(\.serviceID))
        for serviceID in self.board.serviceIDs where !wanted.contains(serviceID) { self.close(serviceID) }
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

    func attach(_ endpoints: [EndpointRecord]) {
        let running = self.board.serviceIDs
        for endpoint in endpoints where !running.contains(endpoint.serviceID) {
            guard EndpointRules.isRTMP(endpoint.url), let stream = self.stream(height: endpoint.resolutionHeight) else { continue }
            let configuration = DestinationConfiguration(
                id: endpoint.serviceID, url: endpoint.url, republishLimit: self.environment.configuration.republishLimit,
                healthCheckPeriod: self.environment.configuration.healthCheckPeriod)
            let watch = DestinationWatch(streamID: self.id, url: endpoint.url, emit: self.environment.emit)
            let session = self.environment.outputs.makeDestination(configuration, stream) { watch.changed($0) }
            self.board.add(endpoint, session)
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

/// Tells of a destination that was given up, once each time.
final class DestinationWatch: Sendable {
    private let streamID: String
    private let url: String
    private let emit: @Sendable (BroadcastEvent) -> Void
    private let isFailed = Atomic<Bool>(false)

    init(streamID: String, url: String, emit: @escaping @Sendable (BroadcastEvent) -> Void) {
        self.streamID = streamID
        self.url = url
        self.emit = emit
    }

    func changed(_ status: DestinationStatus) {
        let failed = status.state == .failed
        let before = self.isFailed.exchange(failed, ordering: .acquiringAndReleasing)
        guard failed, !before else { return }
        self.emit(.endpointFailed(streamID: self.streamID, serviceID: status.id, url: self.url))
    }
}
