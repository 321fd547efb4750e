import NIOCore

/// One request and its answer. Owned by the connection's handler until nghttp2 tells that the stream is closed.
final class HTTP2Stream {
    /// What is still to be sent of the answer's body.
    enum Body {
        case none
        case buffer(ByteBuffer)
        case file(FileBody)
        case routed(HTTP2BodyQueue)
        case growing(HTTP2GrowingBody)
    }

    let id: Int32
    // The request's head.
    var method = ""
    var target = ""
    var scheme = ""
    var authority = ""
    /// Most heads fit, and are taken without growing it.
    var fields = RequestFields(byteCount: 192, count: 8)
    var headBytes = 0
    /// What is wrong with the head, found while it is being read.
    var refusal: RequestCheck.Refusal?
    /// The request's last frame has come.
    var requestIsComplete = false

    // The answer.
    var isAnswered = false
    var body = Body.none
    /// Of a routed answer, sent behind its body.
    var trailers: [(String, String)] = []
    /// When the client last took something of the body, or there was something new to take.
    var lastProgress = NIODeadline.uptimeNanoseconds(0)
    /// The last frame of the answer has been sent.
    var answerIsSent = false
    /// When, if the request's body was not complete by then.
    var answerSentAt: NIODeadline?
    /// Set while the router answers.
    var channel: HTTP2StreamChannel?

    init(id: Int32) {
        self.id = id
    }

    var isHead: Bool { self.method == "HEAD" }

    /// Whether something waits for the client to take it.
    var isWaitingForClient: Bool {
        switch self.body {
        case .none: false
        case .buffer, .file: !self.answerIsSent
        case .routed(let queue): queue.hasSomething && !self.answerIsSent
        case .growing(let body): body.hasSomething && !self.answerIsSent
        }
    }

    func release() {
        if case .file(let file) = self.body { file.close() }
        self.body = .none
    }
}

/// A body that is still being made: what of it waits for the client, which is one piece at most.
struct HTTP2GrowingBody {
    enum State {
        /// To be asked for its next piece.
        case ready
        case piece(ByteBuffer)
        /// Asked, and not there yet.
        case waiting
        case ended
        case broken
    }

    var reader: GrowingBodyReader
    var state = State.ready

    init(_ body: GrowingBody) {
        self.reader = GrowingBodyReader(body)
    }

    var hasSomething: Bool {
        switch self.state {
        // Nobody asks for the next piece while the client's window is shut.
        case .ready, .piece, .ended: true
        case .waiting, .broken: false
        }
    }
}

/// The body of a routed answer between the router and the client.
struct HTTP2BodyQueue {
    private var buffers = CircularBuffer<ByteBuffer>()
    private(set) var bytes = 0
    private(set) var isEnded = false
    /// Bytes that Content-Length still promises; nil: nothing was promised.
    private var owed: Int64?
    /// The body contradicts the promised length; only a reset tells the client.
    private(set) var isBroken = false

    init(promised: Int64?) {
        self.owed = promised
    }

    var hasSomething: Bool { self.bytes > 0 || self.isEnded }

    mutating func append(_ buffer: ByteBuffer) {
        guard !self.isEnded, buffer.readableBytes > 0 else { return }
        if let owed = self.owed {
            guard Int64(buffer.readableBytes) <= owed else {
                self.isBroken = true
                return
            }
            self.owed = owed - Int64(buffer.readableBytes)
        }
        self.bytes += buffer.readableBytes
        self.buffers.append(buffer)
    }

    mutating func end() {
        self.isEnded = true
        if let owed = self.owed, owed > 0 { self.isBroken = true }
    }

    /// Moves `count` bytes, which must be there.
    mutating func move(_ count: Int, to output: inout ByteBuffer) {
        var left = count
        while left > 0, var first = self.buffers.popFirst() {
            guard var piece = first.readSlice(length: min(left, first.readableBytes)) else { return }
            left -= piece.readableBytes
            self.bytes -= piece.readableBytes
            output.writeBuffer(&piece)
            if first.readableBytes > 0 { self.buffers.prepend(first) }
        }
    }
}
