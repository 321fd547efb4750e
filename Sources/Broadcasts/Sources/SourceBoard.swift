import Gateways
import Synchronization

/// The pulls that run, by broadcast. Read by API calls at any time; changed by `BroadcastSources` only.
final class SourceBoard: Sendable {
    private let sessions = Mutex<[String: any PullSession]>([:])

    func session(_ id: String) -> (any PullSession)? { self.sessions.withLock { $0[id] } }

    /// Asked outside the lock: the session has one of its own.
    func status(_ id: String) -> PullStatus? { self.session(id)?.status }

    func set(_ id: String, _ session: (any PullSession)?) { self.sessions.withLock { $0[id] = session } }
}
