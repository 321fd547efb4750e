import SRT
import Synchronization

/// All connections of the gateway, and the sums over those that have ended.
final class SRTConnections: Sendable {
    private struct State {
        var open: [UInt64: SRTConnection] = [:]
        var last: UInt64 = 0
        var accepted = 0
        var skips = 0
        var refused: [SRTRejection: Int] = [:]
        var ended = SRTStatistics()
        var waiting: [@Sendable () -> Void] = []
    }

    private let limit: Int
    private let state = Mutex(State())

    init(limit: Int) {
        self.limit = limit
    }

    var isFull: Bool { self.state.withLock { $0.open.count >= self.limit } }
    var all: [SRTConnection] { self.state.withLock { Array($0.open.values) } }

    func add(_ role: SRTConnection.Role, subject: String, socket: SRTSocket) -> SRTConnection {
        self.state.withLock { state in
            state.last += 1
            state.accepted += 1
            let connection = SRTConnection(number: state.last, role: role, subject: subject, socket: socket)
            state.open[connection.number] = connection
            return connection
        }
    }

    /// Ends it; its owner calls this once, when nothing is read or written any more.
    func remove(_ connection: SRTConnection, skips: Int = 0) {
        connection.sample()
        connection.socket.close()
        let waiting = self.state.withLock { state -> [@Sendable () -> Void] in
            guard state.open.removeValue(forKey: connection.number) != nil else { return [] }
            state.ended += connection.statistics
            state.skips += skips
            guard state.open.isEmpty else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for body in waiting { body() }
    }

    func refused(_ reason: SRTRejection) { self.state.withLock { $0.refused[reason, default: 0] += 1 } }

    /// Calls `body` when no connection is left; at once when there is none.
    func whenEmpty(_ body: @escaping @Sendable () -> Void) {
        let isEmpty = self.state.withLock { state in
            if !state.open.isEmpty { state.waiting.append(body) }
            return state.open.isEmpty
        }
        if isEmpty { body() }
    }

    /// One for each stream: while a publisher is replaced there are two.
    static func newest(_ all: [(number: UInt64, stream: String, seconds: Double)]) -> [(stream: String, seconds: Double)] {
        let newest = Dictionary(all.map { ($0.stream, $0) }) { $0.number > $1.number ? $0 : $1 }
        return newest.values.map { ($0.stream, $0.seconds) }
    }

    var figures: SRTGateway.Statistics {
        self.state.withLock { state in
            var figures = SRTGateway.Statistics()
            figures.connectionsTotal = state.accepted
            figures.viewerSkipsTotal = state.skips
            figures.refusedTotal = Dictionary(uniqueKeysWithValues: state.refused.map { ($0.key.code, $0.value) })
            figures.packets = state.ended
            for connection in state.open.values {
                let statistics = connection.statistics
                figures.packets += statistics
                switch connection.role {
                case .viewer: figures.viewers += 1
                case .publisher: figures.publishers += 1
                }
            }
            let publishers = state.open.values.filter { $0.role == .publisher && $0.wasAdmitted }
            figures.roundTrips = Self.newest(publishers.map { ($0.number, $0.subject, $0.statistics.roundTrip / 1000) })
            return figures
        }
    }
}
