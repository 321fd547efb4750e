import Glibc

/// One RTMP connection up to the point where media flows: handshake, connect, createStream, then publish or play. Owned by a publisher or a
/// player, which handles what comes after. Each step waits for the server's answer, as clients in the field do.
final class RTMPClient {
    enum Purpose { case publish, play }
    enum Phase { case connecting, handshake, connect, createStream, starting, running, closed }

    static let pendingLimit = 16 << 20

    let descriptor: Int32
    let openedAt: UInt64
    private(set) var phase = Phase.connecting
    private(set) var messageStream: UInt32 = 1
    private(set) var receivedBytes: UInt64 = 0
    private let purpose: Purpose
    private let app: String
    private let key: String
    private let port: UInt16
    private var scanner = ChunkScanner()
    private var handshake: [UInt8] = []
    /// What the socket did not take yet.
    private var pending: [UInt8] = []
    private var acknowledged: UInt64 = 0

    init(_ purpose: Purpose, app: String, key: String, port: UInt16) throws(LoadFailure) {
        self.purpose = purpose
        self.app = app
        self.key = key
        self.port = port
        self.openedAt = monotonicNow()
        self.descriptor = try Socket.connect(port: port)
    }

    deinit { self.close() }

    /// Ends the connection. The loop must have forgotten it.
    func close() {
        guard self.phase != .closed else { return }
        self.phase = .closed
        Glibc.close(self.descriptor)
    }

    // MARK: Writing

    /// To be called when the socket can be written.
    func writable(_ owner: any Pollable, _ loop: LoadLoop) throws(LoadFailure) {
        if self.phase == .connecting {
            self.phase = .handshake
            // C0 and C1 of the plain handshake: version 3, time 0, four zero bytes, and bytes that need not be random here (§5.2.3).
            try self.send([3] + [UInt8](repeating: 0, count: 8) + [UInt8](repeating: 0x6D, count: 1528), owner, loop)
        }
        let waiting = self.pending
        self.pending.removeAll(keepingCapacity: true)
        try self.send(waiting, owner, loop)
        if self.pending.isEmpty { try loop.watch(owner, nowWritable: false) }
    }

    func send(_ bytes: [UInt8], _ owner: any Pollable, _ loop: LoadLoop) throws(LoadFailure) {
        guard !bytes.isEmpty else { return }
        var failure: LoadFailure?
        bytes.withUnsafeBytes { raw in
            do throws(LoadFailure) { try self.send(raw, owner, loop) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// One send; what the socket does not take is kept and sent when it can be.
    func send(_ bytes: UnsafeRawBufferPointer, _ owner: any Pollable, _ loop: LoadLoop) throws(LoadFailure) {
        var sent = 0
        if self.pending.isEmpty {
            sent = Glibc.send(self.descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            if sent < 0 {
                guard errno == EAGAIN else { throw .refused("\(self.key): \(LoadFailure.lastError(of: "send"))") }
                sent = 0
            }
            if sent == bytes.count { return }
            try loop.watch(owner, nowWritable: true)
        }
        guard self.pending.count + bytes.count <= Self.pendingLimit else { throw .refused("\(self.key): the server does not read") }
        self.pending.append(contentsOf: bytes[sent...])
    }

    // MARK: Reading

    /// Reads once and takes the connection further. Messages after the opening commands go to `media`.
    func readable(_ owner: any Pollable, _ loop: LoadLoop, media: (ScannedMessage) -> Void) throws(LoadFailure) {
        guard let count = try self.receive(loop.readBuffer), count > 0 else { return }
        self.receivedBytes += UInt64(count)
        var bytes = UnsafeRawBufferPointer(rebasing: loop.readBuffer[..<count])
        if self.phase == .handshake {
            // S0, S1 and S2 are 3073 bytes; C2 repeats S1 (§5.2.4).
            let taken = min(bytes.count, 3073 - self.handshake.count)
            self.handshake.append(contentsOf: bytes[..<taken])
            bytes = UnsafeRawBufferPointer(rebasing: bytes[taken...])
            guard self.handshake.count == 3073 else { return }
            self.phase = .connect
            let answer = Array(self.handshake[1..<1537]) + Commands.setChunkSize() + Commands.connect(app: self.app, port: self.port)
            self.handshake = []
            try self.send(answer, owner, loop)
        }
        try self.scanner.scan(bytes) { (message) throws(LoadFailure) in
            switch message.type {
            case 8, 9: media(message)
            case 20: try self.command(message, owner, loop)
            default: break
            }
        }
        if self.receivedBytes - self.acknowledged >= 2_500_000 {
            self.acknowledged = self.receivedBytes
            try self.send(Commands.acknowledgement(UInt32(truncatingIfNeeded: self.receivedBytes)), owner, loop)
        }
    }

    private func receive(_ buffer: UnsafeMutableRawBufferPointer) throws(LoadFailure) -> Int? {
        let count = recv(self.descriptor, buffer.baseAddress, buffer.count, 0)
        if count > 0 { return count }
        if count < 0, errno == EAGAIN || errno == EINTR { return nil }
        throw count == 0 ? .refused("\(self.key): closed by the server while \(self.phase)") : .lastError(of: "recv")
    }

    private func command(_ message: ScannedMessage, _ owner: any Pollable, _ loop: LoadLoop) throws(LoadFailure) {
        let isResult = Self.contains(message.head, "_result")
        switch self.phase {
        case .connect where isResult:
            self.phase = .createStream
            try self.send(Commands.createStream(), owner, loop)
        case .createStream where isResult:
            guard let id = AMF.trailingNumber(message.head), let stream = UInt32(exactly: id) else {
                throw .malformed("createStream without a number")
            }
            self.messageStream = stream
            self.phase = .starting
            let isPlay = self.purpose == .play
            try self.send(isPlay ? Commands.play(key: self.key, stream: stream) : Commands.publish(key: self.key, stream: stream), owner, loop)
        case .starting where Self.contains(message.head, self.purpose == .play ? "NetStream.Play.Start" : "NetStream.Publish.Start"):
            self.phase = .running
        default:
            let isRefusal = Self.contains(message.head, "_error") || Self.contains(message.head, "BadName") || Self.contains(message.head, ".Failed")
            if isRefusal { throw .refused("\(self.key): \(String(decoding: message.head.filter { 0x20...0x7E ~= $0 }, as: UTF8.self))") }
        }
    }

    private static func contains(_ bytes: UnsafeRawBufferPointer, _ text: String) -> Bool {
        bytes.firstOffset(of: text) != nil
    }
}
