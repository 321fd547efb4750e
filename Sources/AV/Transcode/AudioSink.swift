import Media

/// Encodes sound that comes with times to frames: resampling, cutting into the encoder's pieces, and silence where there is none.
final class AudioSink {
    private static let mostSilenceAtOnce = 8_192

    private let format: Encoder.Audio
    private let encoder: Encoder
    private let resampler: Resampler
    private let queue: SampleQueue
    private let converted: DecodedFrame
    private let piece: DecodedFrame
    private let packet: Packet
    private var clock: SampleClock
    /// Samples that went into the queue.
    private var queued: Int64 = 0
    /// Samples that went into the encoder.
    private var sent: Int64 = 0

    init(_ format: Encoder.Audio, longestSilence: MediaTime) throws(AVFailure) {
        self.format = format
        self.encoder = try Encoder(audio: format)
        self.resampler = Resampler(format)
        self.queue = try SampleQueue(format)
        self.converted = try DecodedFrame()
        self.piece = try DecodedFrame()
        self.packet = try Packet()
        self.clock = SampleClock(sampleRate: format.sampleRate, longestSilence: longestSilence)
    }

    var track: Track { self.encoder.track }

    /// Up to where there is sound; nil before the first.
    var end: MediaTime? { self.clock.hasStarted ? self.clock.time(of: self.queued) : nil }

    func begin(at time: MediaTime) { self.clock.jump(to: time, at: self.queued) }

    func take(_ frame: borrowing DecodedFrame, at time: MediaTime, slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        switch self.clock.place(time, at: self.queued + Int64(self.resampler.delay)) {
        case .append:
            break
        case .silence(let samples):
            try self.empty()
            try self.appendSilence(samples, slab: slab, into: &frames)
        case .jump:
            try self.empty()
            // The new time begins with a piece of its own.
            let rest = self.queue.count % self.encoder.frameSize
            if rest > 0 { try self.appendSilence(self.encoder.frameSize - rest, slab: slab, into: &frames) }
            self.clock.jump(to: time, at: self.queued)
        }
        try self.resampler.convert(frame, into: self.converted)
        try self.appendConverted()
        try self.encode(slab: slab, into: &frames)
    }

    func fill(until time: MediaTime, slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        guard let end = self.end, time > end else { return }
        try self.empty()
        let samples = Int((time - end).ticks(timescale: UInt32(clamping: self.format.sampleRate)))
        try self.appendSilence(samples, slab: slab, into: &frames)
    }

    /// The rest, in whole pieces: half a piece or more is filled up, less is left out.
    func finish(slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        try self.empty()
        let rest = self.queue.count % self.encoder.frameSize
        if rest * 2 >= self.encoder.frameSize { try self.appendSilence(self.encoder.frameSize - rest, slab: slab, into: &frames) }
        try self.encode(slab: slab, into: &frames)
        try self.encoder.finish()
        try self.receive(slab: slab, into: &frames)
    }

    /// What the resampler holds back goes into the queue.
    private func empty() throws(AVFailure) {
        try self.resampler.drain(into: self.converted)
        try self.appendConverted()
    }

    private func appendConverted() throws(AVFailure) {
        try self.queue.append(self.converted)
        self.queued += Int64(self.converted.sampleCount)
    }

    /// Encoded as it goes, so that no long silence is ever held.
    private func appendSilence(_ samples: Int, slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        var rest = samples
        while rest > 0 {
            let part = min(rest, Self.mostSilenceAtOnce)
            try self.queue.appendSilence(part)
            self.queued += Int64(part)
            rest -= part
            try self.encode(slab: slab, into: &frames)
        }
    }

    private func encode(slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        while self.queue.count >= self.encoder.frameSize {
            try self.queue.take(self.encoder.frameSize, into: self.piece)
            try self.encoder.send(self.piece, time: self.sent)
            self.sent += Int64(self.encoder.frameSize)
            try self.receive(slab: slab, into: &frames)
        }
    }

    private func receive(slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        while try self.encoder.receive(into: self.packet) {
            // The encoder's first packet is what its window needs before the first sample; players that do not know that would play it.
            guard let first = self.packet.presentationTime, first >= 0 else { continue }
            frames.append(AudioFeed.frame(slab.copy(self.packet.bytes), at: self.clock.time(of: first)))
        }
    }
}
