import NIOCore
import Streams
import Synchronization

/// Which streams have RTMP players. A stream's fan-out lives from its first player to its last.
final class FanOutTable: Sendable {
    private struct Entry {
        let fanOut: StreamFanOut
        var players: Int
    }

    private let streams: StreamDirectory
    private let configuration: StreamFanOut.Configuration
    private let entries = Mutex<[StreamKey: Entry]>([:])

    init(streams: StreamDirectory, configuration: StreamFanOut.Configuration) {
        self.streams = streams
        self.configuration = configuration
    }

    /// Counts one more player of the stream, live or idle. Each `join` is undone by one `leave`.
    func join(_ key: StreamKey) -> StreamFanOut {
        let stream = self.streams.open(key)
        let fanOut = self.entries.withLock { entries in
            if let known = entries[key] {
                entries[key]?.players += 1
                return known.fanOut
            }
            let fanOut = StreamFanOut(stream: stream, configuration: self.configuration)
            entries[key] = Entry(fanOut: fanOut, players: 1)
            return fanOut
        }
        fanOut.stream.rtmpViewers.add(1, ordering: .relaxed)
        return fanOut
    }

    func leave(_ fanOut: StreamFanOut) {
        fanOut.stream.rtmpViewers.subtract(1, ordering: .relaxed)
        let isLast = self.entries.withLock { entries in
            let key = fanOut.stream.key
            guard var entry = entries[key], entry.fanOut === fanOut else { return false }
            entry.players -= 1
            entries[key] = entry.players > 0 ? entry : nil
            return entry.players == 0
        }
        if isLast { fanOut.close() }
    }
}
