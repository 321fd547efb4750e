/// What the generator wants to know of a received message: its header and its first bytes.
struct ScannedMessage {
    var type: UInt8
    /// Milliseconds.
    var timestamp: UInt32
    var length: Int
    /// At most `ChunkScanner.keptBytes` of the body; valid during the call only.
    var head: UnsafeRawBufferPointer
}

/// Finds the messages in a chunk stream (RTMP 1.0 §5.3) without keeping their bodies.
struct ChunkScanner {
    /// Enough for a command's answer, and for the mark in a video frame.
    static let keptBytes = 512

    private struct ChunkStream {
        var timestamp: UInt32 = 0
        var delta: UInt32 = 0
        var isExtended = false
        var length = 0
        var type: UInt8 = 0
        var received = 0
        var head: [UInt8] = []
    }

    private var streams = [ChunkStream?](repeating: nil, count: 64)
    private var chunkSize = 128
    private var current = 0
    private var chunkRest = 0
    /// The beginning of a header the last read ended in.
    private var headerRest: [UInt8] = []

    /// Goes through the bytes of one read; calls `body` with each message that is complete.
    mutating func scan(_ bytes: UnsafeRawBufferPointer, _ body: (ScannedMessage) throws(LoadFailure) -> Void) throws(LoadFailure) {
        var position = 0
        while position < bytes.count {
            if self.chunkRest == 0 {
                let taken = try self.header(UnsafeRawBufferPointer(rebasing: bytes[position...]))
                position += taken.count
                guard taken.isWhole else { continue }
                if self.chunkRest == 0 { try self.deliver(body) }
                continue
            }
            let count = min(self.chunkRest, bytes.count - position)
            self.keep(UnsafeRawBufferPointer(rebasing: bytes[position..<position + count]))
            position += count
            self.chunkRest -= count
            if let stream = self.streams[self.current], stream.received == stream.length { try self.deliver(body) }
        }
    }

    private mutating func keep(_ bytes: UnsafeRawBufferPointer) {
        let room = Self.keptBytes - (self.streams[self.current]?.head.count ?? Self.keptBytes)
        if room > 0 { self.streams[self.current]?.head.append(contentsOf: bytes.prefix(room)) }
        self.streams[self.current]?.received += bytes.count
    }

    private mutating func deliver(_ body: (ScannedMessage) throws(LoadFailure) -> Void) throws(LoadFailure) {
        guard let stream = self.streams[self.current] else { return }
        if stream.type == 1, stream.head.count >= 4 {
            let size = stream.head.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            guard size > 0 else { throw .malformed("chunk size 0") }
            self.chunkSize = size
        }
        var failure: LoadFailure?
        stream.head.withUnsafeBytes { head in
            do throws(LoadFailure) {
                try body(ScannedMessage(type: stream.type, timestamp: stream.timestamp, length: stream.length, head: head))
            } catch { failure = error }
        }
        if let failure { throw failure }
        self.streams[self.current]?.received = 0
        self.streams[self.current]?.head.removeAll(keepingCapacity: true)
    }

    // MARK: Headers

    private mutating func header(_ bytes: UnsafeRawBufferPointer) throws(LoadFailure) -> (count: Int, isWhole: Bool) {
        if self.headerRest.isEmpty {
            if let count = try self.begin(bytes) { return (count, true) }
            self.headerRest.append(contentsOf: bytes)
            return (bytes.count, false)
        }
        self.headerRest.append(bytes[0])
        let rest = self.headerRest
        var failure: LoadFailure?
        let count = rest.withUnsafeBytes { whole -> Int? in
            do throws(LoadFailure) { return try self.begin(whole) } catch { failure = error }
            return nil
        }
        if let failure { throw failure }
        if count != nil { self.headerRest.removeAll(keepingCapacity: true) }
        return (1, count != nil)
    }

    /// Takes a chunk's header and returns its length; nil when it is not all there, and then nothing has changed.
    private mutating func begin(_ bytes: UnsafeRawBufferPointer) throws(LoadFailure) -> Int? {
        guard let first = bytes.first else { return nil }
        let format = Int(first >> 6)
        let id = Int(first & 0x3F)
        guard id >= 2 else { throw .malformed("chunk stream ids over 63 are not expected here") }
        var count = 1 + [11, 7, 3, 0][format]
        guard bytes.count >= count else { return nil }
        var stream = self.streams[id] ?? ChunkStream()
        guard self.streams[id] != nil || format == 0 else { throw .malformed("chunk type \(format) without a header before it") }
        let field = format < 3 ? Self.big24(bytes, 1) : 0
        if format < 3 { stream.isExtended = field == 0xFF_FFFF }
        var time = field
        if stream.isExtended {
            guard bytes.count >= count + 4 else { return nil }
            time = Self.big24(bytes, count) << 8 | UInt32(bytes[count + 3])
            count += 4
        }
        if stream.received == 0 {
            switch format {
            case 0: (stream.timestamp, stream.delta) = (time, 0)
            case 1, 2: (stream.timestamp, stream.delta) = (stream.timestamp &+ time, time)
            default: stream.timestamp &+= stream.delta
            }
            if format < 2 {
                stream.length = Int(Self.big24(bytes, 4))
                stream.type = bytes[7]
            }
        }
        self.streams[id] = stream
        self.current = id
        self.chunkRest = min(self.chunkSize, stream.length - stream.received)
        return count
    }

    private static func big24(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> UInt32 {
        UInt32(bytes[at]) << 16 | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2])
    }
}
