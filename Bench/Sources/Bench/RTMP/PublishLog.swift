/// What one publisher has sent and when: what its players' frames are compared with.
final class PublishLog {
    /// By frame number: monotonic nanoseconds just before the send.
    private(set) var sentAt: [UInt64] = []
    /// By frame number: milliseconds.
    private(set) var videoTimestamps: [UInt32] = []
    private(set) var audioTimestamps: [UInt32] = []
    /// By frame number: audio messages sent before the frame.
    private(set) var audioBefore: [Int] = []

    func video(timestamp: UInt32, at time: UInt64) {
        self.sentAt.append(time)
        self.videoTimestamps.append(timestamp)
        self.audioBefore.append(self.audioTimestamps.count)
    }

    func audio(timestamp: UInt32) { self.audioTimestamps.append(timestamp) }

    /// The audio message with this timestamp; two milliseconds of rounding are forgiven.
    func audioIndex(near timestamp: Int) -> Int? {
        var low = 0
        var high = self.audioTimestamps.count
        while low < high {
            let middle = (low + high) / 2
            if Int(self.audioTimestamps[middle]) < timestamp - 2 { low = middle + 1 } else { high = middle }
        }
        guard low < self.audioTimestamps.count, abs(Int(self.audioTimestamps[low]) - timestamp) <= 2 else { return nil }
        return low
    }
}
