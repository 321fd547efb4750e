import Media
import NIOCore

/// Encodes pictures that come with times to H.264 frames at a constant rate: each is shown until the next one, black before the first.
final class VideoSink {
    private let frameRate: Int
    private let encoder: Encoder
    private let scaler: Scaler
    /// What is shown from `next` on, still as it was decoded; scaled when it is shown at all.
    private let waiting: DecodedFrame
    private var waitingTurn = PictureTurn.none
    private var isWaiting = false
    private var shown: DecodedFrame
    private var hasShown = false
    private let packet: Packet
    private let interrupt: Interrupt?
    private var rewriter = NALRewriter(codec: .h264, lengthSize: 0)
    private var origin: MediaTime?
    /// The frame that is encoded next.
    private var next: Int64 = 0

    /// - Parameters:
    ///   - color: what the pictures' colours mean, where that is to be said.
    ///   - interrupt: asked with every frame that is encoded, of which one picture may become many.
    init(_ format: NormalFormat, color: PictureColor? = nil, interrupt: Interrupt? = nil) throws(AVFailure) {
        self.interrupt = interrupt
        self.frameRate = format.frameRate
        var video = Encoder.Video(
            width: format.width, height: format.height, frameRate: format.frameRate, bitrate: format.videoBitrate,
            keyframeInterval: format.frameRate * format.keyframeInterval)
        video.color = color
        self.encoder = try Encoder(video: video)
        self.scaler = Scaler(width: format.width, height: format.height)
        self.waiting = try DecodedFrame()
        self.shown = try DecodedFrame()
        self.packet = try Packet()
    }

    var track: Track { self.encoder.track }

    /// Up to where there are pictures; nil before `begin`.
    var end: MediaTime? { self.origin.map { $0 + self.time(of: self.next) } }

    func begin(at time: MediaTime) { self.origin = time }

    /// Takes over the picture.
    /// - Parameter turn: which it is shown with, and does not need any more then.
    func take(
        _ picture: borrowing DecodedFrame, turn: PictureTurn = .none, at time: MediaTime, slab: PayloadSlab, into frames: inout [EncodedFrame]
    ) throws(AVFailure) {
        let isFirst = !self.isWaiting && !self.hasShown
        if isFirst { self.wait(for: picture, turn) }
        // Nothing was shown yet: what comes first stands for what is missing before it.
        try self.show(until: self.index(of: time), slab: slab, into: &frames)
        if !isFirst { self.wait(for: picture, turn) }
    }

    /// Goes on showing what there is until `time`.
    func fill(until time: MediaTime, slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        try self.show(until: self.index(of: time), slab: slab, into: &frames)
    }

    /// Shows the last picture, if it was not, for one frame.
    func finishPictures(slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        if self.isWaiting { try self.show(until: self.next + 1, slab: slab, into: &frames) }
    }

    func finish(slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        try self.encoder.finish()
        try self.receive(slab: slab, into: &frames)
    }

    private func wait(for picture: borrowing DecodedFrame, _ turn: PictureTurn) {
        self.waiting.move(from: picture)
        self.waitingTurn = turn
        self.isWaiting = true
    }

    private func show(until end: Int64, slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        while self.next < end {
            if self.isWaiting {
                try self.scaler.scale(self.waiting, turn: self.waitingTurn, into: self.shown)
                self.isWaiting = false
                self.hasShown = true
            } else if !self.hasShown {
                try self.scaler.makeBlack(self.shown)
                self.hasShown = true
            }
            try self.interrupt?.check("encode")
            try self.encoder.send(self.shown, time: self.next)
            self.next += 1
            try self.receive(slab: slab, into: &frames)
        }
    }

    private func receive(slab: PayloadSlab, into frames: inout [EncodedFrame]) throws(AVFailure) {
        while try self.encoder.receive(into: self.packet) {
            try self.interrupt?.check("encode")
            guard let origin = self.origin, let number = self.packet.presentationTime else { continue }
            do throws(MediaError) {
                let unit = try self.rewriter.rewrite(self.packet.bytes, into: slab)
                frames.append(
                    EncodedFrame(
                        track: .video, kind: .video, isKeyframe: unit.isRandomAccessPoint, decodeTime: origin + self.time(of: number),
                        payload: unit.payload))
            } catch {
                throw AVFailure(cause: .invalidData, operation: "encode", text: "access unit: \(error)")
            }
        }
    }

    private func index(of time: MediaTime) -> Int64 { (time - (self.origin ?? time)).ticks(timescale: UInt32(clamping: self.frameRate)) }

    private func time(of number: Int64) -> MediaTime { MediaTime(ticks: number, timescale: UInt32(clamping: self.frameRate)) }
}
