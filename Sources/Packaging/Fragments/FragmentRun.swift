public import NIOCore

/// Consecutive samples of one track, for one fragment.
public struct FragmentRun: Sendable {
    public struct Sample: Sendable {
        /// In ticks of the track.
        public var duration: UInt32
        /// Presentation minus decode time, in ticks.
        public var compositionOffset: Int32
        public var isSync: Bool
        public var payload: ByteBuffer

        public init(duration: UInt32, compositionOffset: Int32, isSync: Bool, payload: ByteBuffer) {
            self.duration = duration
            self.compositionOffset = compositionOffset
            self.isSync = isSync
            self.payload = payload
        }
    }

    /// Which of the writer's tracks, from 0.
    public var trackIndex: Int
    /// Decode time of the first sample, in ticks.
    public var startTicks: UInt64
    public var samples: [Sample]

    public init(trackIndex: Int, startTicks: UInt64, samples: [Sample]) {
        self.trackIndex = trackIndex
        self.startTicks = startTicks
        self.samples = samples
    }

    var payloadBytes: Int { self.samples.reduce(0) { $0 + $1.payload.readableBytes } }
}
