import CFFmpeg
import Glibc
public import Media

/// A still picture in the making: black at first, then with one or many decoded pictures drawn on it, then encoded. Not thread-safe; computes, so
/// it belongs on a thread for work that blocks.
public final class PictureCanvas {
    public let size: PictureSize
    public let format: PictureFormat
    /// What is drawn on.
    let frame: DecodedFrame

    /// Even numbers of pixels, at most `PictureSize.widest` each way.
    public init(_ size: PictureSize, as format: PictureFormat) throws(AVFailure) {
        guard (2...PictureSize.widest).contains(size.width), (2...PictureSize.widest).contains(size.height) else {
            throw AVFailure(cause: .unsupported, operation: "make picture", text: "\(size.width)x\(size.height) pixels")
        }
        self.size = size
        self.format = format
        self.frame = try DecodedFrame()
        let raw = self.frame.raw
        raw.pointee.width = Int32(size.width)
        raw.pointee.height = Int32(size.height)
        raw.pointee.format = format.pixelFormat.rawValue
        raw.pointee.sample_aspect_ratio = AVRational(num: 1, den: 1)
        raw.pointee.color_range = format == .webp ? AVCOL_RANGE_MPEG : AVCOL_RANGE_JPEG
        let result = av_frame_get_buffer(raw, 0)
        guard result >= 0 else { throw AVFailure("allocate picture", code: result) }
        for (index, plane) in try self.planes().enumerated() {
            let value: Int32 = index > 0 ? 128 : format == .webp ? 16 : 0
            memset(plane.start, value, plane.stride * (size.height / plane.subsampling))
        }
    }

    /// Draws a picture, scaled to `size` and turned, with its upper left corner at an even place. All of it must lie on the canvas.
    public func draw(
        _ source: borrowing DecodedFrame, x: Int = 0, y: Int = 0, size: PictureSize, turn: PictureTurn = .none
    ) throws(AVFailure) {
        guard x >= 0, y >= 0, x <= self.size.width - size.width, y <= self.size.height - size.height else {
            throw AVFailure(cause: .unsupported, operation: "draw picture", text: "beyond the canvas")
        }
        guard turn != .none else { return try self.scale(source, x: x, y: y, size: size) }
        let upright = turn.isSideways ? PictureSize(width: size.height, height: size.width) : size
        let between = try PictureCanvas(upright, as: self.format)
        try between.scale(source, x: 0, y: 0, size: upright)
        for (from, to) in zip(try between.planes(), try self.planes()) {
            to.fill(
                x: x / to.subsampling, y: y / to.subsampling, width: size.width / to.subsampling, height: size.height / to.subsampling,
                from: from, turn: turn)
        }
    }

    private func scale(_ source: borrowing DecodedFrame, x: Int, y: Int, size: PictureSize) throws(AVFailure) {
        let frame = source.raw.pointee
        guard frame.width > 0, frame.height > 0 else {
            throw AVFailure(cause: .invalidData, operation: "scale", text: "a picture without size")
        }
        guard
            let context = sws_getContext(
                frame.width, frame.height, AVPixelFormat(rawValue: frame.format), Int32(size.width), Int32(size.height), self.format.pixelFormat,
                SWS_BILINEAR | SWS_ACCURATE_RND, nil, nil, nil)
        else {
            throw AVFailure(cause: .unsupported, operation: "scale", text: "pixel format \(frame.format) of \(frame.width)x\(frame.height)")
        }
        defer { sws_freeContext(context) }
        // A refusal leaves the usual colours, which is what there would be without asking.
        _ = sws_setColorspaceDetails(
            context, sws_getCoefficients(Self.colours(of: frame)), Self.isFullRange(frame) ? 1 : 0, sws_getCoefficients(SWS_CS_ITU601),
            self.format == .webp ? 0 : 1, 0, 1 << 16, 1 << 16)
        var planes: [UnsafeMutablePointer<UInt8>?] = [nil, nil, nil, nil]
        var strides: [Int32] = [0, 0, 0, 0]
        for (index, plane) in try self.planes().enumerated() {
            planes[index] = plane.start + (y / plane.subsampling) * plane.stride + (x / plane.subsampling) * plane.bytesPerPixel
            strides[index] = Int32(plane.stride)
        }
        let from: [UnsafePointer<UInt8>?] = [
            UnsafePointer(frame.data.0), UnsafePointer(frame.data.1), UnsafePointer(frame.data.2), UnsafePointer(frame.data.3),
        ]
        let sizes = frame.linesize
        let result = sws_scale(context, from, [sizes.0, sizes.1, sizes.2, sizes.3], 0, frame.height, planes, strides)
        guard result >= 0 else { throw AVFailure("scale", code: result) }
    }

    /// What does not say so is as televisions have it: one way in high definition, another below.
    private static func colours(of frame: AVFrame) -> Int32 {
        switch frame.colorspace {
        case AVCOL_SPC_BT709: SWS_CS_ITU709
        case AVCOL_SPC_BT2020_NCL, AVCOL_SPC_BT2020_CL: SWS_CS_BT2020
        case AVCOL_SPC_SMPTE240M: SWS_CS_SMPTE240M
        case AVCOL_SPC_FCC: SWS_CS_FCC
        case AVCOL_SPC_UNSPECIFIED: frame.height > 576 ? SWS_CS_ITU709 : SWS_CS_ITU601
        default: SWS_CS_ITU601
        }
    }

    private static func isFullRange(_ frame: AVFrame) -> Bool {
        let full = [AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUVJ440P]
        return frame.color_range == AVCOL_RANGE_JPEG || full.contains { $0.rawValue == frame.format }
    }

    private func planes() throws(AVFailure) -> [PicturePlane] {
        let raw = self.frame.raw.pointee
        let starts = self.format == .png ? [raw.data.0] : [raw.data.0, raw.data.1, raw.data.2]
        let strides = [raw.linesize.0, raw.linesize.1, raw.linesize.2]
        var planes: [PicturePlane] = []
        for (index, start) in starts.enumerated() {
            guard let start else { throw AVFailure("allocate picture", code: shim_averror(ENOMEM)) }
            planes.append(
                PicturePlane(
                    start: start, stride: Int(strides[index]), bytesPerPixel: self.format == .png ? 3 : 1, subsampling: index == 0 ? 1 : 2))
        }
        return planes
    }

    // MARK: Encoding

    /// The whole file.
    public func encoded() throws(AVFailure) -> [UInt8] {
        AVLog.install
        guard let codec = avcodec_find_encoder_by_name(self.format.encoderName) else {
            throw AVFailure("open encoder", code: shim_AVERROR_ENCODER_NOT_FOUND)
        }
        var context = avcodec_alloc_context3(codec)
        defer { avcodec_free_context(&context) }
        guard let context else { throw AVFailure("open encoder", code: shim_averror(ENOMEM)) }
        context.pointee.width = Int32(self.size.width)
        context.pointee.height = Int32(self.size.height)
        context.pointee.pix_fmt = self.format.pixelFormat
        context.pointee.color_range = self.frame.raw.pointee.color_range
        context.pointee.time_base = AVRational(num: 1, den: 1)
        context.pointee.thread_count = 1
        if self.format == .jpg {
            // Of 2…31; 4 is hard to tell from the original.
            context.pointee.flags |= AV_CODEC_FLAG_QSCALE
            context.pointee.global_quality = FF_QP2LAMBDA * 4
            self.frame.raw.pointee.quality = context.pointee.global_quality
        }
        var options = try OptionDictionary(self.format.options)
        let opened = avcodec_open2(context, codec, &options.raw)
        guard opened >= 0 else { throw AVFailure("open encoder", code: opened) }
        if let name = options.leftover {
            throw AVFailure(cause: .unsupported, operation: "open encoder", code: shim_AVERROR_OPTION_NOT_FOUND, text: "unknown option \(name)")
        }
        self.frame.raw.pointee.pts = 0
        var result = avcodec_send_frame(context, self.frame.raw)
        guard result >= 0 else { throw AVFailure("encode", code: result) }
        result = avcodec_send_frame(context, nil)
        guard result >= 0 || result == shim_AVERROR_EOF else { throw AVFailure("encode", code: result) }
        let packet = try Packet()
        result = avcodec_receive_packet(context, packet.raw)
        guard result >= 0 else { throw AVFailure("encode", code: result) }
        return Array(packet.bytes)
    }
}
