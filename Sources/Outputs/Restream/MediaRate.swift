import Media
import Streams

/// How many bytes a second of a stream has, judged by what has been sent of it. A value without a clock: media time counts.
struct MediaRate {
    /// Less says little: a keyframe comes first.
    private static let leastSpan = MediaTime(milliseconds: 1_000)

    private var bytes = 0
    private var first: MediaTime?
    private var newest = MediaTime.zero

    /// Bytes per second; 0 before anything was sent.
    var bytesPerSecond: Int {
        guard let first = self.first else { return 0 }
        return Int(Double(self.bytes) / max(self.newest - first, Self.leastSpan).seconds)
    }

    mutating func sent(bytes: Int, for items: [StreamItem]) {
        for case .frame(let frame) in items {
            if self.first == nil { self.first = frame.decodeTime }
            self.newest = max(self.newest, frame.decodeTime)
        }
        if self.first != nil { self.bytes += bytes }
    }
}
