import Logging
import NIOCore
import Streams
import Synchronization

/// Which streams have SRT viewers. A stream's fan-out lives from its first viewer to its last.
final class SRTFanOutTable: Sendable {
    private struct Entry {
        let fanOut: SRTFanOut
        var viewers: Int
    }

    private let streams: StreamDirectory
    private let connections: SRTConnections
    private let idleLimit: TimeAmount
    private let logger: Logger
    private let entries = Mutex<[StreamKey: Entry]>([:])

    init(streams: StreamDirectory, connections: SRTConnections, idleLimit: TimeAmount, logger: Logger) {
        self.streams = streams
        self.connections = connections
        self.idleLimit = idleLimit
        self.logger = logger
    }

    /// Counts and serves one more viewer, until it is gone.
    func add(_ connection: SRTConnection, to key: StreamKey) {
        let stream = self.streams.open(key)
        let fanOut = self.entries.withLock { entries in
            if let known = entries[key] {
                entries[key]?.viewers += 1
                return known.fanOut
            }
            let fanOut = SRTFanOut(stream: stream, idleLimit: self.idleLimit, logger: self.logger) { [weak self] fanOut, connection, skips in
                self?.left(fanOut, connection, skips)
            }
            entries[key] = Entry(fanOut: fanOut, viewers: 1)
            return fanOut
        }
        fanOut.stream.srtViewers.add(1, ordering: .relaxed)
        fanOut.add(connection)
    }

    /// Looks after the viewers of all streams.
    func sweep() {
        for entry in self.entries.withLock({ Array($0.values) }) { entry.fanOut.sweep() }
    }

    private func left(_ fanOut: SRTFanOut, _ connection: SRTConnection, _ skips: Int) {
        fanOut.stream.srtViewers.subtract(1, ordering: .relaxed)
        self.connections.remove(connection, skips: skips)
        self.logger.info("SRT play ended", metadata: ["stream": "\(connection.subject)", "skips": "\(skips)"])
        let isLast = self.entries.withLock { entries in
            let key = fanOut.stream.key
            guard var entry = entries[key], entry.fanOut === fanOut else { return false }
            entry.viewers -= 1
            entries[key] = entry.viewers > 0 ? entry : nil
            return entry.viewers == 0
        }
        if isLast { fanOut.close() }
    }
}
