/// Plays a stream. Every player is followed to its first keyframe; then a sampled one goes on being checked, one of the mass goes to the
/// `Drain`, and a stalled one is never read again.
final class Player: Pollable {
    enum Role { case sampled, mass(Drain), stalled }

    private(set) var check: FrameCheck
    /// Set when the server ended the connection, or sent what is no RTMP.
    private(set) var failure: LoadFailure?
    /// Whether the socket is no longer read here.
    private(set) var isHandedOver = false
    let role: Role
    private let client: RTMPClient

    var descriptor: Int32 { self.client.descriptor }
    var phase: RTMPClient.Phase { self.client.phase }
    /// Bytes read here; what a `Drain` reads is counted there.
    var receivedBytes: UInt64 { self.client.receivedBytes }
    /// Nanoseconds from the beginning of the connection to the last byte of the first keyframe.
    var timeToKeyframe: UInt64? { self.check.firstKeyframeAt.map { $0 - self.client.openedAt } }

    init(_ role: Role, log: PublishLog, app: String, key: String, port: UInt16, loop: LoadLoop) throws(LoadFailure) {
        self.role = role
        self.check = FrameCheck(log: log)
        self.client = try RTMPClient(.play, app: app, key: key, port: port)
        try loop.watch(self, writable: true)
    }

    func close(_ loop: LoadLoop) {
        // Once only: another connection may have the descriptor's number by the next time.
        guard self.client.phase != .closed else { return }
        loop.forget(self.descriptor)
        self.client.close()
    }

    func record(since time: UInt64) { self.check.recordsSince = time }

    func finish(video: Int, audio: Int) { self.check.finish(video: video, audio: audio) }

    func writable(_ loop: LoadLoop) throws(LoadFailure) { try self.client.writable(self, loop) }

    func readable(_ loop: LoadLoop) throws(LoadFailure) {
        do throws(LoadFailure) {
            var time: UInt64?
            try self.client.readable(self, loop) { message in
                // One reading of the clock per read: all messages completed by it arrived with it.
                let now = time ?? monotonicNow()
                time = now
                self.received(message, at: now)
            }
        } catch {
            // One lost player is counted, it does not end the measurement.
            self.failure = error
            loop.forget(self.descriptor)
            return
        }
        guard !self.isHandedOver, self.check.firstKeyframeAt != nil else { return }
        switch self.role {
        case .sampled: return
        case .stalled: loop.forget(self.descriptor)
        case .mass(let drain):
            loop.forget(self.descriptor)
            try drain.add(self.descriptor)
        }
        self.isHandedOver = true
    }

    private func received(_ message: ScannedMessage, at time: UInt64) {
        guard message.head.count >= 2 else { return }
        if message.type == 8 {
            if message.head[1] != 0 { self.check.audio(timestamp: message.timestamp) }
        } else if message.head[1] == 1 {
            let isKeyframe = message.head[0] >> 4 == 1
            self.check.video(FrameMark.read(message.head), isKeyframe: isKeyframe, timestamp: message.timestamp, at: time)
        }
    }
}
