import CFFmpeg
public import Media
import NIOCore

/// Scales and encodes pictures, which come when they come, to frames of one size with the pictures' own times. Not thread-safe.
public final class PictureEncoder {
    private let format: Encoder.Video
    private let encoder: Encoder
    private let scaler: Scaler
    private let scaled: DecodedFrame
    private let packet: Packet
    private let slab = PayloadSlab()
    private var rewriter = NALRewriter(codec: .h264, lengthSize: 0)
    private var last: MediaTime?

    /// - Parameter format: its `keyframeInterval` must be 0.
    public init(_ format: Encoder.Video) throws(AVFailure) {
        self.format = format
        self.encoder = try Encoder(video: format)
        self.scaler = Scaler(width: format.width, height: format.height)
        self.scaled = try DecodedFrame()
        self.packet = try Packet()
    }

    public var track: Track { self.encoder.track }

    /// Appends the frames that are ready, which are those of earlier pictures. The picture stays the caller's. One that is not later than the one before
    /// is left out.
    /// - Parameters:
    ///   - turn: how the picture is turned before, so that what comes out is upright.
    ///   - isKeyframe: whether the frame made of it begins a group of pictures; no other does but the first.
    public func encode(
        _ picture: borrowing DecodedFrame, turn: PictureTurn = .none, at time: MediaTime, isKeyframe: Bool, into frames: inout [EncodedFrame]
    ) throws(AVFailure) {
        if let last = self.last, time <= last { return }
        self.last = time
        if picture.width == self.format.width, picture.height == self.format.height, picture.isPlain, turn == .none {
            try self.encoder.send(picture, time: time.microseconds, isKeyframe: isKeyframe)
        } else {
            try self.scaler.scale(picture, turn: turn, into: self.scaled)
            try self.encoder.send(self.scaled, time: time.microseconds, isKeyframe: isKeyframe)
        }
        try self.receive(into: &frames)
    }

    /// What the encoder holds back; it takes nothing more.
    public func finish(into frames: inout [EncodedFrame]) throws(AVFailure) {
        try self.encoder.finish()
        try self.receive(into: &frames)
    }

    private func receive(into frames: inout [EncodedFrame]) throws(AVFailure) {
        while try self.encoder.receive(into: self.packet) {
            guard let time = self.packet.presentationTime else { continue }
            let (payload, isKeyframe) = try self.payload()
            frames.append(
                EncodedFrame(
                    track: .video, kind: .video, isKeyframe: isKeyframe, decodeTime: MediaTime(microseconds: time), payload: payload))
        }
    }

    private func payload() throws(AVFailure) -> (ByteBuffer, isKeyframe: Bool) {
        guard self.format.codec == .h264 else { return (self.slab.copy(self.packet.bytes), self.packet.isKeyframe) }
        do throws(MediaError) {
            let unit = try self.rewriter.rewrite(self.packet.bytes, into: self.slab)
            return (unit.payload, unit.isRandomAccessPoint)
        } catch {
            throw AVFailure(cause: .invalidData, operation: "encode", text: "access unit: \(error)")
        }
    }
}

extension DecodedFrame {
    /// It is in the form that encoders take, with square pixels.
    fileprivate var isPlain: Bool { self.raw.pointee.format == AV_PIX_FMT_YUV420P.rawValue && self.pixelAspect == 1 }
}
