import CFFmpeg
public import Media
public import NIOCore

/// Pictures that can be shown over and over: closed groups of H.264 without B-frames, at a constant rate, the first frame a keyframe.
public struct PictureLoop: Sendable {
    public struct Frame: Sendable {
        public var payload: ByteBuffer
        public var isKeyframe: Bool

        public init(payload: ByteBuffer, isKeyframe: Bool) {
            self.payload = payload
            self.isKeyframe = isKeyframe
        }
    }

    public var track: Track
    /// Frames a second.
    public var frameRate: Int
    /// At least one second of them.
    public var frames: [Frame]

    public init(track: Track, frameRate: Int, frames: [Frame]) {
        self.track = track
        self.frameRate = frameRate
        self.frames = frames
    }

    /// Of the payloads.
    public var bytes: Int { self.frames.reduce(0) { $0 + $1.payload.readableBytes } }
}

/// Makes a `PictureLoop` of a picture or of a clip in a local file. Computes for as long as that takes, so it belongs on a thread for work that blocks.
public enum LoopEncoder {
    /// How files may be named that are taken for pictures, and for clips; without the dot, in lower case.
    public static let pictureEndings = ["png", "jpg", "jpeg"]
    public static let clipEndings = ["mp4", "mov", "mkv", "webm", "flv"]

    private static let clipFormats = "mov,matroska,webm,flv"
    /// Of a still picture, and what a shorter clip is filled up to.
    private static let stillSeconds: Int64 = 2
    private static let shortest = MediaTime(milliseconds: 1_000)
    /// RGB and JFIF become numbers by this matrix (ISO/IEC 23091-2: primaries and transfer of BT.709, matrix of BT.601), which decoders must be told.
    private static let stillColor = PictureColor(primaries: 1, transfer: 1, matrix: 6)

    public struct Format: Sendable, Hashable {
        /// Pixels, even; other shapes get black bars.
        public var width: Int
        public var height: Int
        /// Frames a second, 1…120.
        public var frameRate: Int
        /// Bits per second.
        public var bitrate: Int

        public init(width: Int, height: Int, frameRate: Int, bitrate: Int) {
            self.width = width
            self.height = height
            self.frameRate = frameRate
            self.bitrate = bitrate
        }

        var normal: NormalFormat {
            NormalFormat(width: self.width, height: self.height, frameRate: self.frameRate, videoBitrate: self.bitrate, keyframeInterval: 2)
        }
    }

    /// - Parameters:
    ///   - path: tells by its ending what it is.
    ///   - longest: what lies behind is not read.
    ///   - mostBytes: of the payloads; a loop that comes to more ends there.
    /// - Throws: `unsupported` for other endings and for files without pictures, `invalidData`, and what reading a file may come to.
    public static func encode(
        path: String, as format: Format, longest: MediaTime, mostBytes: Int, interrupt: Interrupt = Interrupt()
    ) throws(AVFailure) -> PictureLoop {
        let source = try LoopSource(path: path, heightLimit: format.height, interrupt: interrupt)
        guard let first = try source.next() else { throw LoopSource.noPicture }
        // What was turned was made into other colours on the way.
        let color = source.isStill || source.isTurned ? Self.stillColor : source.picture.color
        let sink = try VideoSink(format.normal, color: color, interrupt: interrupt)
        let slab = PayloadSlab()
        var frames: [EncodedFrame] = []
        var time: MediaTime? = first
        var bytes = 0
        sink.begin(at: first)
        while let shown = time {
            guard shown - first < longest, bytes < mostBytes else { break }
            let before = frames.count
            try sink.take(source.picture, at: shown, slab: slab, into: &frames)
            bytes += frames[before...].reduce(0) { $0 + $1.payload.readableBytes }
            try interrupt.check("make a loop")
            time = source.isStill ? nil : try source.next()
        }
        let end = source.isStill ? MediaTime(milliseconds: Self.stillSeconds * 1_000) : Self.shortest
        try sink.fill(until: first + end, slab: slab, into: &frames)
        try sink.finishPictures(slab: slab, into: &frames)
        try sink.finish(slab: slab, into: &frames)
        return PictureLoop(
            track: sink.track, frameRate: format.frameRate, frames: frames.map { .init(payload: $0.payload, isKeyframe: $0.isKeyframe) })
    }

    /// Whether there is a picture in the file that can be decoded.
    public static func check(path: String, interrupt: Interrupt = Interrupt()) throws(AVFailure) {
        guard try LoopSource(path: path, heightLimit: 360, interrupt: interrupt).next() != nil else { throw LoopSource.noPicture }
    }

    /// Decoded pictures of a file, one after the other.
    private final class LoopSource {
        static let noPicture = AVFailure(cause: .unsupported, operation: "read pictures", text: "no picture in it")

        let isStill: Bool
        let picture: DecodedFrame
        /// The last picture lay on its side, or upside down, and does not now.
        private(set) var isTurned = false
        private let heightLimit: Int
        /// How the file wants its pictures turned.
        private let turn: PictureTurn
        private let demuxer: Demuxer
        private let index: Int
        private let decoder: Decoder
        private let packet: Packet
        private var isAtEnd = false

        /// - Parameter heightLimit: of pictures that are turned; no more is needed.
        init(path: String, heightLimit: Int, interrupt: Interrupt) throws(AVFailure) {
            self.heightLimit = heightLimit
            let ending = path.split(separator: ".").last?.lowercased() ?? ""
            self.isStill = LoopEncoder.pictureEndings.contains(ending)
            guard self.isStill || LoopEncoder.clipEndings.contains(ending) else {
                throw AVFailure(cause: .unsupported, operation: "read pictures", text: "neither a picture nor a clip by its name")
            }
            // Named, for a picture's name may look like the pattern of many.
            let format = self.isStill ? (ending == "png" ? "png_pipe" : "jpeg_pipe") : nil
            // Nothing that would refer to other files.
            let options = self.isStill ? [:] : ["format_whitelist": LoopEncoder.clipFormats]
            self.demuxer = try Demuxer(path: path, format: format, options: options, interrupt: interrupt)
            self.index = Int(av_find_best_stream(self.demuxer.context, AVMEDIA_TYPE_VIDEO, -1, -1, nil, 0))
            guard self.demuxer.streams.indices.contains(self.index) else { throw Self.noPicture }
            self.turn = self.demuxer.turn(of: self.index)
            self.decoder = try Decoder(self.demuxer.streams[self.index])
            self.packet = try Packet()
            self.picture = try DecodedFrame()
            self.demuxer.discard(allBut: [self.index])
        }

        /// When the next picture, which is in `picture` then, is shown; nil at the end.
        func next() throws(AVFailure) -> MediaTime? {
            while true {
                if try self.decoder.receive(into: self.picture) {
                    guard let time = self.picture.time(self.decoder.timeBase) ?? (self.isStill ? .zero : nil) else { continue }
                    try self.setUpright()
                    return time
                }
                guard !self.isAtEnd else { return nil }
                if try self.demuxer.read(into: self.packet) {
                    if self.packet.streamIndex == self.index { try self.decoder.send(self.packet) }
                } else {
                    self.isAtEnd = true
                    try self.decoder.finish()
                }
            }
        }

        private func setUpright() throws(AVFailure) {
            let turn = self.picture.turn(told: self.turn)
            self.isTurned = turn != .none
            guard self.isTurned else { return }
            let size = self.picture.pictureSize(turn: turn, heightLimit: self.heightLimit)
            // In 4:2:0 of the usual range, which is what the encoder takes.
            let canvas = try PictureCanvas(size, as: .webp)
            try canvas.draw(self.picture, size: size, turn: turn)
            self.picture.move(from: canvas.frame)
        }
    }
}
