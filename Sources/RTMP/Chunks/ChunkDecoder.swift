public import NIOCore

/// Puts the messages of one direction of one connection together from its chunks (RTMP 1.0 §5.3). Owned by the connection's handler.
///
/// Every call that returns nil has taken all bytes out of the buffer: what belongs to an unfinished message is kept here, so a shell
/// hands over each read as it comes and keeps nothing itself. A message that lies whole in one chunk of one read is a slice of that read;
/// any other is copied once. Set Chunk Size and Abort are obeyed here, because the bytes after them depend on it, and still handed out.
public struct ChunkDecoder: Sendable {
    /// Checked before memory is taken.
    public struct Limits: Sendable, Equatable {
        /// Bytes in one message. The wire cannot say more than 0xFFFFFF.
        public var messageLength = 16 << 20
        /// Bytes of unfinished messages on all chunk streams together.
        public var partialBytes = 24 << 20
        /// Chunk stream ids one peer may use.
        public var chunkStreams = 64

        public init(messageLength: Int = 16 << 20, partialBytes: Int = 24 << 20, chunkStreams: Int = 64) {
            self.messageLength = messageLength
            self.partialBytes = partialBytes
            self.chunkStreams = chunkStreams
        }
    }

    /// Larger sizes are legal and mean the same: no message is longer.
    private static let largestChunk = 16 << 20
    private static let firstReservation = 16 << 10

    /// The most body bytes in one chunk of the peer; 128 until it says otherwise.
    public private(set) var chunkSize = 128
    public let limits: Limits
    /// Bytes of unfinished messages held at the moment.
    public private(set) var partialBytes = 0

    /// Memory taken for them, which tests compare with what has arrived.
    var reservedBytes: Int { self.streams.reduce(0) { $0 + $1.body.capacity } }

    private var streams: [ChunkStream] = []
    /// The beginning of a header, at most 17 bytes, that the last read ended in.
    private var headerRest = ByteBuffer()
    /// The chunk whose body is being read: its stream's place in `streams` and the body bytes still to come.
    private var current = 0
    private var chunkRest = 0

    public init(limits: Limits = Limits()) { self.limits = limits }

    /// The next whole message, or nil when the buffer is used up. After an error the connection cannot be read any further.
    public mutating func next(from buffer: inout ByteBuffer) throws(RTMPError) -> RTMPMessage? {
        if self.headerRest.readableBytes > 0 {
            self.headerRest.writeBuffer(&buffer)
            swap(&self.headerRest, &buffer)
            self.headerRest = ByteBuffer()
        }
        while true {
            if self.chunkRest == 0 {
                guard try self.beginChunk(&buffer) else {
                    self.keepHeader(&buffer)
                    return nil
                }
            }
            guard let message = try self.readBody(&buffer) else {
                if buffer.readableBytes == 0 { return nil }
                continue
            }
            try self.obey(message)
            return message
        }
    }

    /// Sets the size of the peer's chunks from here on, also in the middle of a message.
    public mutating func receivedChunkSize(_ size: UInt32) throws(RTMPError) {
        guard size >= 1, size <= 0x7FFF_FFFF else { throw .invalidChunkSize(size) }
        self.chunkSize = min(Int(size), Self.largestChunk)
    }

    /// Copied, so that a few bytes do not keep a whole read alive.
    private mutating func keepHeader(_ buffer: inout ByteBuffer) {
        guard buffer.readableBytes > 0 else { return }
        self.headerRest.writeBuffer(&buffer)
    }

    // MARK: Headers

    /// Takes the headers of the next chunk; false when they are not all there, and then nothing has changed.
    private mutating func beginChunk(_ buffer: inout ByteBuffer) throws(RTMPError) -> Bool {
        guard let header = ChunkHeader.peek(buffer) else { return false }
        let known = self.place(of: header.chunkStreamID)
        if known == nil {
            guard header.format == 0 else { throw .headerMissing(chunkStreamID: header.chunkStreamID) }
            guard self.streams.count < self.limits.chunkStreams else { throw .tooManyChunkStreams(limit: self.limits.chunkStreams) }
        }
        if header.format < 2, header.length > self.limits.messageLength {
            throw .messageTooLarge(claimed: header.length, limit: self.limits.messageLength)
        }
        var extended: UInt32?
        var byteCount = header.byteCount
        if header.format < 3 {
            if header.timestampField == 0xFF_FFFF {
                guard let value = buffer.getInteger(at: buffer.readerIndex + byteCount, as: UInt32.self) else { return false }
                extended = value
                byteCount += 4
            }
        } else if let known, let repeated = self.streams[known].extended {
            switch Self.matches(repeated, buffer, at: buffer.readerIndex + byteCount) {
            case .some(true): byteCount += 4
            case .some(false): break
            case nil: return false
            }
        }
        buffer.moveReaderIndex(forwardBy: byteCount)
        self.apply(header, extended: extended, to: known)
        return true
    }

    private mutating func apply(_ header: ChunkHeader, extended: UInt32?, to known: Int?) {
        let place: Int
        if let known {
            place = known
        } else {
            place = self.streams.count
            self.streams.append(ChunkStream(id: header.chunkStreamID))
        }
        if header.format < 3, self.streams[place].isAssembling {
            // A new header in the middle of a message: the peer has given the old one up.
            self.discard(place)
        }
        if !self.streams[place].isAssembling { self.streams[place].begin(header, extended: extended) }
        self.current = place
        self.chunkRest = min(self.chunkSize, self.streams[place].missing)
    }

    /// Whether the four bytes at `index` repeat the extended timestamp; nil while too few are there to tell. ffmpeg, librtmp and FMS repeat it
    /// in type 3 chunks (RTMP 1.0 §5.3.1.3), others leave it out. Deciding at the first differing byte keeps a short last chunk from waiting.
    private static func matches(_ value: UInt32, _ buffer: ByteBuffer, at index: Int) -> Bool? {
        for offset in 0..<4 {
            guard let byte = buffer.getInteger(at: index + offset, as: UInt8.self) else { return nil }
            guard byte == UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * offset)) else { return false }
        }
        return true
    }

    private func place(of id: UInt32) -> Int? {
        if self.current < self.streams.count, self.streams[self.current].id == id { return self.current }
        return self.streams.firstIndex { $0.id == id }
    }

    // MARK: Bodies

    /// Takes what there is of the current chunk's body; a message when that made one whole.
    private mutating func readBody(_ buffer: inout ByteBuffer) throws(RTMPError) -> RTMPMessage? {
        let place = self.current
        let missing = self.streams[place].missing
        let held = self.streams[place].body.readableBytes
        if held == 0, missing == self.chunkRest, let payload = buffer.readSlice(length: missing) {
            self.chunkRest = 0
            self.streams[place].isAssembling = false
            return self.streams[place].message(payload)
        }
        let count = min(self.chunkRest, buffer.readableBytes)
        guard count > 0 else { return nil }
        guard self.partialBytes + count <= self.limits.partialBytes else { throw .tooMuchPartialData(limit: self.limits.partialBytes) }
        if held == 0 {
            // What has arrived bounds the reservation, never what is claimed.
            self.streams[place].body.reserveCapacity(min(missing, buffer.readableBytes, Self.firstReservation))
        }
        guard var piece = buffer.readSlice(length: count) else { return nil }
        self.streams[place].body.writeBuffer(&piece)
        self.partialBytes += count
        self.chunkRest -= count
        guard count == missing else { return nil }
        let payload = self.streams[place].body
        self.discard(place)
        return self.streams[place].message(payload)
    }

    private mutating func discard(_ place: Int) {
        self.partialBytes -= self.streams[place].body.readableBytes
        self.streams[place].body = ByteBuffer()
        self.streams[place].isAssembling = false
    }

    // MARK: Control messages

    private mutating func obey(_ message: RTMPMessage) throws(RTMPError) {
        switch message.type {
        case .setChunkSize:
            guard let size = message.payload.getInteger(at: message.payload.readerIndex, as: UInt32.self) else {
                throw .truncatedControl(message.type)
            }
            try self.receivedChunkSize(size)
        case .abort:
            guard let id = message.payload.getInteger(at: message.payload.readerIndex, as: UInt32.self) else {
                throw .truncatedControl(message.type)
            }
            if let place = self.streams.firstIndex(where: { $0.id == id }) { self.discard(place) }
        default:
            return
        }
    }
}
