import Media

/// Gives times to the first pictures of an input when the library has none for them, as it happens with RTSP: counted back from the pictures that
/// follow. Everything is held until those are known, which is one picture, and as many more as may be shown before it.
struct UntimedStart {
    /// Pictures without a time after which none is waited for any more.
    private static let most = 16

    private let step: MediaTime
    private let reordering: Int
    private var untimed: [EncodedFrame] = []
    private var timed: [EncodedFrame] = []
    private var isOver = false

    /// - Parameters:
    ///   - step: between two pictures.
    ///   - reordering: pictures that are decoded before one that is shown earlier.
    init(step: MediaTime, reordering: Int) {
        self.step = step
        self.reordering = reordering
    }

    /// Passes the frame on at once in all but the first moments of an input. `hasTime` is false where the frame's time was made up.
    mutating func take(_ frame: EncodedFrame, hasTime: Bool, into output: inout [EncodedFrame]) {
        guard !self.isOver else { return output.append(frame) }
        guard hasTime else {
            self.untimed.append(frame)
            if self.untimed.count >= Self.most { self.finish(into: &output) }
            return
        }
        self.timed.append(frame)
        if self.untimed.isEmpty || self.timed.count > self.reordering { self.finish(into: &output) }
    }

    /// What is held goes out with the times that are known by now.
    mutating func finish(into output: inout [EncodedFrame]) {
        self.isOver = true
        if let first = self.timed.first, let shown = self.timed.map(\.presentationTime).min() {
            for index in self.untimed.indices {
                let distance = MediaTime(microseconds: self.step.microseconds * Int64(self.untimed.count - index))
                let presentation = shown - distance
                let decode = min(first.decodeTime - distance, presentation)
                self.untimed[index].decodeTime = decode
                self.untimed[index].compositionOffset = presentation - decode
            }
        }
        output.append(contentsOf: self.untimed)
        output.append(contentsOf: self.timed)
        self.untimed = []
        self.timed = []
    }
}
