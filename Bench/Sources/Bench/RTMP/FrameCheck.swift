/// Whether one player has got every video frame and every audio message since its first keyframe, in order and with the right timestamps.
struct FrameCheck {
    /// When the first keyframe was there whole; nil before.
    private(set) var firstKeyframeAt: UInt64?
    private(set) var missingVideo = 0
    private(set) var missingAudio = 0
    /// Messages that came twice, out of order, without a frame number, or whose timestamp moved against the others'.
    private(set) var strange = 0
    /// Nanoseconds from send to receipt, of video frames sent since `recordsSince`.
    private(set) var latencies: [UInt64] = []
    var recordsSince = UInt64.max

    private let log: PublishLog
    private var nextVideo = 0
    private var nextAudio = 0
    private var firstAudio = 0
    /// Received minus sent timestamp: a server may count from elsewhere, but then for all messages alike.
    private var shift = 0

    init(log: PublishLog) { self.log = log }

    /// A server that counts from the player's start wraps at 32 bits like any other.
    private func distance(_ received: UInt32, _ sent: UInt32) -> Int { Int(Int32(bitPattern: received &- sent)) }

    mutating func video(_ number: Int?, isKeyframe: Bool, timestamp: UInt32, at time: UInt64) {
        guard let number, number < self.log.sentAt.count else {
            self.strange += 1
            return
        }
        if self.firstKeyframeAt == nil {
            guard isKeyframe else { return }
            self.firstKeyframeAt = time
            self.shift = self.distance(timestamp, self.log.videoTimestamps[number])
            self.nextVideo = number
            self.firstAudio = self.log.audioBefore[number]
            self.nextAudio = self.firstAudio
        }
        guard number >= self.nextVideo else {
            self.strange += 1
            return
        }
        self.missingVideo += number - self.nextVideo
        self.nextVideo = number + 1
        if abs(self.distance(timestamp, self.log.videoTimestamps[number]) - self.shift) > 2 { self.strange += 1 }
        let sent = self.log.sentAt[number]
        if sent >= self.recordsSince { self.latencies.append(time - sent) }
    }

    mutating func audio(timestamp: UInt32) {
        guard self.firstKeyframeAt != nil else { return }
        guard let index = self.log.audioIndex(near: self.distance(timestamp, 0) - self.shift) else {
            self.strange += 1
            return
        }
        guard index >= self.nextAudio else {
            // What was sent before the first keyframe may come after it; anything else has come twice.
            if index >= self.firstAudio { self.strange += 1 }
            return
        }
        self.missingAudio += index - self.nextAudio
        self.nextAudio = index + 1
    }

    /// Whether everything up to these numbers of frames and audio messages has come.
    func hasSeen(video: Int, audio: Int) -> Bool { self.nextVideo >= video && self.nextAudio >= audio }

    /// Counts what has not come at the end.
    mutating func finish(video: Int, audio: Int) {
        self.missingVideo += max(0, video - self.nextVideo)
        self.missingAudio += max(0, audio - self.nextAudio)
    }
}
