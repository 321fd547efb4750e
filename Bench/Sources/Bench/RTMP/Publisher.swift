/// Sends the clip in real time, over and over, with continuous timestamps, one send per message as encoders do.
final class Publisher: Pollable, Timed {
    let log = PublishLog()
    private(set) var isPublishing = false
    private(set) var sentBytes: UInt64 = 0
    private let client: RTMPClient
    private let clip: Clip
    /// Whether somebody compares frames with the log.
    private let keepsLog: Bool
    private var startedAt: UInt64 = 0
    private var next = 0
    private var rounds: UInt32 = 0
    private var frames = 0

    var descriptor: Int32 { self.client.descriptor }

    init(clip: Clip, app: String, key: String, port: UInt16, keepsLog: Bool, loop: LoadLoop) throws(LoadFailure) {
        self.clip = clip
        self.keepsLog = keepsLog
        self.client = try RTMPClient(.publish, app: app, key: key, port: port)
        try loop.watch(self, writable: true)
    }

    func close(_ loop: LoadLoop) {
        guard self.client.phase != .closed else { return }
        loop.forget(self.descriptor)
        self.client.close()
    }

    func writable(_ loop: LoadLoop) throws(LoadFailure) { try self.client.writable(self, loop) }

    func readable(_ loop: LoadLoop) throws(LoadFailure) {
        try self.client.readable(self, loop) { _ in }
        guard self.client.phase == .running, !self.isPublishing else { return }
        self.isPublishing = true
        for message in self.clip.opening {
            var message = message
            for place in 0..<4 { message[8 + place] = UInt8(truncatingIfNeeded: self.client.messageStream >> UInt32(8 * place)) }
            try self.client.send(message, self, loop)
        }
        self.startedAt = monotonicNow()
        loop.schedule(self, at: self.startedAt)
    }

    func fire(now: UInt64, loop: LoadLoop) throws(LoadFailure) -> UInt64? {
        guard self.client.phase == .running else { return nil }
        while true {
            let message = self.clip.messages[self.next]
            let timestamp = self.rounds * self.clip.period + message.timestamp
            let due = self.startedAt + UInt64(timestamp) * 1_000_000
            guard due <= now else { return due }
            try self.send(message, timestamp: timestamp, loop)
            self.next += 1
            if self.next == self.clip.messages.count { (self.next, self.rounds) = (0, self.rounds + 1) }
        }
    }

    private func send(_ message: Clip.Message, timestamp: UInt32, _ loop: LoadLoop) throws(LoadFailure) {
        self.clip.stamp(message, timestamp: timestamp, stream: self.client.messageStream, number: self.frames)
        self.sentBytes += UInt64(message.count)
        if message.isVideo {
            self.frames += 1
            if self.keepsLog { self.log.video(timestamp: timestamp, at: monotonicNow()) }
        } else if self.keepsLog {
            self.log.audio(timestamp: timestamp)
        }
        try self.client.send(UnsafeRawBufferPointer(start: self.clip.bytes + message.offset, count: message.count), self, loop)
    }
}
