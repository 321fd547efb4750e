import Outputs
import Store
import Streams
import Synchronization

/// The running endpoints of one broadcast. Read by API calls at any time; changed by the broadcast's supervisor only.
final class EndpointBoard: Sendable {
    private struct Entry {
        let endpoint: EndpointRecord
        /// What it is pushed from.
        let stream: Stream
        let session: any RestreamSession
    }

    private let entries = Mutex<[String: Entry]>([:])

    /// What is shown of each, by service id.
    var views: [String: EndpointView] {
        let sessions = self.entries.withLock { $0.mapValues(\.session) }
        return sessions.mapValues { EndpointView(destination: $0.status) }
    }

    var isEmpty: Bool { self.entries.withLock { $0.isEmpty } }
    var serviceIDs: Set<String> { self.entries.withLock { Set($0.keys) } }

    func add(_ endpoint: EndpointRecord, of stream: Stream, _ session: any RestreamSession) {
        self.entries.withLock { $0[endpoint.serviceID] = Entry(endpoint: endpoint, stream: stream, session: session) }
    }

    func endpoint(_ serviceID: String) -> EndpointRecord? { self.entries.withLock { $0[serviceID]?.endpoint } }
    func stream(_ serviceID: String) -> Stream? { self.entries.withLock { $0[serviceID]?.stream } }

    func publisherLeft(saidGoodbye: Bool) {
        let sessions = self.entries.withLock { $0.values.map(\.session) }
        for session in sessions { session.publisherLeft(saidGoodbye: saidGoodbye) }
    }

    /// Takes one off the board; it is the caller's to stop.
    func take(_ serviceID: String) -> (any RestreamSession)? { self.entries.withLock { $0.removeValue(forKey: serviceID)?.session } }

    func takeAll() -> [String: any RestreamSession] {
        self.entries.withLock { entries in
            defer { entries = [:] }
            return entries.mapValues(\.session)
        }
    }
}
