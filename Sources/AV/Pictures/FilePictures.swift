import CFFmpeg
public import Media

/// Pictures out of a local file, by its keyframes. Not thread-safe; blocks, until its `Interrupt` says otherwise.
public final class FilePictures {
    /// Looked at after a seek, before it is believed that there is no keyframe near.
    private static let mostPackets = 3_000
    private static let formats = "mov,matroska,webm,flv,mpegts,mpeg,avi,ogg,asf,mpegvideo,h264,hevc,ivf"

    private let demuxer: Demuxer
    private let index: Int
    private let packet: Packet
    private let frame: DecodedFrame
    /// When the keyframe in `frame` is shown, in the file's ticks.
    private var decoded: Int64?
    /// How the file wants its pictures turned.
    public let turn: PictureTurn

    /// - Throws: `unsupported` when there are no pictures in it.
    public init(path: String, interrupt: Interrupt = Interrupt()) throws(AVFailure) {
        // Nothing that would refer to other files.
        self.demuxer = try Demuxer(path: path, options: ["format_whitelist": Self.formats], interrupt: interrupt)
        self.index = Int(av_find_best_stream(self.demuxer.context, AVMEDIA_TYPE_VIDEO, -1, -1, nil, 0))
        guard self.demuxer.streams.indices.contains(self.index) else {
            throw AVFailure(cause: .unsupported, operation: "read pictures", text: "no video in it")
        }
        self.packet = try Packet()
        self.frame = try DecodedFrame()
        self.turn = self.demuxer.turn(of: self.index)
        self.demuxer.keepKeyframes(of: self.index)
    }

    /// nil when the file does not say.
    public var duration: MediaTime? { self.demuxer.duration }

    /// Goes to the last keyframe at or before `time` (from the file's start), or the first one after it, and decodes it. False when there is none.
    public func seek(to time: MediaTime) throws(AVFailure) -> Bool {
        if self.demuxer.isSeekable { try self.demuxer.seek(to: time) }
        for _ in 0..<Self.mostPackets {
            guard try self.demuxer.read(into: self.packet) else { return false }
            guard self.packet.streamIndex == self.index, self.packet.isKeyframe else { continue }
            let time = self.packet.presentationTime ?? self.packet.decodeTime
            if time != nil, time == self.decoded { return true }
            self.decoded = nil
            try StillPicture.decode(self.packet, with: Decoder(self.demuxer.streams[self.index]), into: self.frame)
            self.decoded = time
            return true
        }
        return false
    }

    private var shownTurn: PictureTurn { self.frame.turn(told: self.turn) }

    /// Of the picture that was found last, upright and in its shape, at most so many pixels high.
    public func size(heightLimit: Int) -> PictureSize { self.frame.pictureSize(turn: self.shownTurn, heightLimit: heightLimit) }

    /// The picture that was found last, upright, on a canvas.
    public func draw(on canvas: PictureCanvas, x: Int = 0, y: Int = 0, size: PictureSize) throws(AVFailure) {
        try canvas.draw(self.frame, x: x, y: y, size: size, turn: self.shownTurn)
    }
}

extension Demuxer {
    /// Packets of other streams are not read, nor, where the format can skip them, pictures that need others.
    fileprivate func keepKeyframes(of index: Int) {
        self.discard(allBut: [index])
        guard let context = self.context, index < Int(context.pointee.nb_streams) else { return }
        context.pointee.streams[index]?.pointee.discard = AVDISCARD_NONKEY
    }
}
