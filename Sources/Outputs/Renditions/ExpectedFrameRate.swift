import Media
import NIOCore
import Streams

extension Stream {
    /// Pictures a second, as an encoder of `track` is to expect them.
    func expectedFrameRate(of track: Track?) -> Int {
        let claimed = track?.video?.frameRate ?? 0
        let seen = self.snapshot(now: .now())?.frameRate ?? 0
        // What was seen is of little worth right after a start, when what was held back comes at once.
        let rate = (1.0...240.0).contains(claimed) ? claimed : (1.0...60.0).contains(seen) ? seen : 30
        return Int(rate.rounded())
    }
}
