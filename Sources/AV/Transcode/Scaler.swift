import CFFmpeg
import Glibc
public import Media

/// Brings pictures of any size and pixel format to one size in 8-bit 4:2:0, upright, with black bars where the shape differs. Not thread-safe.
public final class Scaler {
    private struct Input: Equatable {
        var width: Int32
        var height: Int32
        var format: Int32
        /// Of the pixels.
        var aspect: Double
    }

    /// Where the picture stands in the output.
    private struct Placement {
        var x: Int
        var y: Int
        var width: Int
        var height: Int
    }

    /// What a picture is before it is turned: of the output's size, or of that lying on its side.
    private final class Unturned {
        let isSideways: Bool
        let scaler: Scaler
        let picture: DecodedFrame

        init(width: Int, height: Int, isSideways: Bool) throws(AVFailure) {
            self.isSideways = isSideways
            self.scaler = isSideways ? Scaler(width: height, height: width) : Scaler(width: width, height: height)
            self.picture = try DecodedFrame()
        }
    }

    private let width: Int
    private let height: Int
    private var unturned: Unturned?
    private var context: OpaquePointer?
    private var input: Input?
    private var placement = Placement(x: 0, y: 0, width: 0, height: 0)
    /// The next picture stands elsewhere than the one before it.
    private var paintsBars = true

    /// Even numbers of pixels.
    public init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    deinit { sws_freeContext(self.context) }

    /// Fills `output`. The memory of an old picture is used again where nobody else, such as an encoder, still holds it.
    /// - Parameter turn: which the picture is shown with; it is made after scaling, where there is less to be moved.
    public func scale(
        _ source: borrowing DecodedFrame, turn: PictureTurn = .none, into output: borrowing DecodedFrame
    ) throws(AVFailure) {
        guard turn == .none else { return try self.scaleTurned(source, turn, into: output) }
        try self.prepare(for: source.raw.pointee)
        // The bars are still there.
        if !self.isReusable(output) || self.paintsBars { try self.makeBlack(output) }
        self.paintsBars = false
        let target = output.raw.pointee
        let (place, chroma) = (self.placement, (x: self.placement.x / 2, y: self.placement.y / 2))
        let strides = (Int(target.linesize.0), Int(target.linesize.1), Int(target.linesize.2))
        guard let luma = target.data.0, let blue = target.data.1, let red = target.data.2 else {
            throw AVFailure("scale", code: shim_averror(ENOMEM))
        }
        let planes: [UnsafeMutablePointer<UInt8>?] = [
            luma + place.y * strides.0 + place.x, blue + chroma.y * strides.1 + chroma.x, red + chroma.y * strides.2 + chroma.x, nil,
        ]
        let lineSizes: [Int32] = [target.linesize.0, target.linesize.1, target.linesize.2, 0]
        let sourcePlanes = source.raw.pointee.data
        let sourcePointers: [UnsafePointer<UInt8>?] = [
            UnsafePointer(sourcePlanes.0), UnsafePointer(sourcePlanes.1), UnsafePointer(sourcePlanes.2), UnsafePointer(sourcePlanes.3),
        ]
        let sizes = source.raw.pointee.linesize
        let result = sws_scale(
            self.context, sourcePointers, [sizes.0, sizes.1, sizes.2, sizes.3], 0, source.raw.pointee.height, planes, lineSizes)
        guard result >= 0 else { throw AVFailure("scale", code: result) }
    }

    private func isReusable(_ output: borrowing DecodedFrame) -> Bool {
        output.width == self.width && output.height == self.height && av_frame_is_writable(output.raw) > 0
    }

    private func scaleTurned(_ source: borrowing DecodedFrame, _ turn: PictureTurn, into output: borrowing DecodedFrame) throws(AVFailure) {
        let isSideways = turn.isSideways
        if self.unturned?.isSideways != isSideways {
            self.unturned = try Unturned(width: self.width, height: self.height, isSideways: isSideways)
        }
        guard let unturned = self.unturned else { return }
        try unturned.scaler.scale(source, into: unturned.picture)
        if !self.isReusable(output) { try self.makeBlack(output) }
        // Bars are elsewhere in a picture that is not turned.
        self.paintsBars = true
        for (from, to) in zip(try Self.planes(of: unturned.picture), try Self.planes(of: output)) {
            to.fill(width: self.width / to.subsampling, height: self.height / to.subsampling, from: from, turn: turn)
        }
    }

    private static func planes(of picture: borrowing DecodedFrame) throws(AVFailure) -> [PicturePlane] {
        let frame = picture.raw.pointee
        guard let luma = frame.data.0, let blue = frame.data.1, let red = frame.data.2 else {
            throw AVFailure("scale", code: shim_averror(ENOMEM))
        }
        return [
            PicturePlane(start: luma, stride: Int(frame.linesize.0), bytesPerPixel: 1, subsampling: 1),
            PicturePlane(start: blue, stride: Int(frame.linesize.1), bytesPerPixel: 1, subsampling: 2),
            PicturePlane(start: red, stride: Int(frame.linesize.2), bytesPerPixel: 1, subsampling: 2),
        ]
    }

    /// Allocates `output` and paints it black.
    public func makeBlack(_ output: borrowing DecodedFrame) throws(AVFailure) {
        av_frame_unref(output.raw)
        output.raw.pointee.width = Int32(clamping: self.width)
        output.raw.pointee.height = Int32(clamping: self.height)
        output.raw.pointee.format = AV_PIX_FMT_YUV420P.rawValue
        output.raw.pointee.sample_aspect_ratio = AVRational(num: 1, den: 1)
        let result = av_frame_get_buffer(output.raw, 0)
        guard result >= 0 else { throw AVFailure("allocate picture", code: result) }
        let frame = output.raw.pointee
        if let plane = frame.data.0 { memset(plane, 16, Int(frame.linesize.0) * self.height) }
        if let plane = frame.data.1 { memset(plane, 128, Int(frame.linesize.1) * (self.height / 2)) }
        if let plane = frame.data.2 { memset(plane, 128, Int(frame.linesize.2) * (self.height / 2)) }
    }

    private func prepare(for frame: AVFrame) throws(AVFailure) {
        let ratio = frame.sample_aspect_ratio
        let aspect = ratio.num > 0 && ratio.den > 0 ? Double(ratio.num) / Double(ratio.den) : 1
        let input = Input(width: frame.width, height: frame.height, format: frame.format, aspect: aspect)
        guard input != self.input else { return }
        guard frame.width > 0, frame.height > 0 else { throw AVFailure(cause: .invalidData, operation: "scale", text: "a picture without size") }
        self.placement = self.place(shape: Double(frame.width) * aspect / Double(frame.height))
        self.paintsBars = true
        sws_freeContext(self.context)
        self.input = nil
        self.context = sws_getContext(
            frame.width, frame.height, AVPixelFormat(rawValue: frame.format), Int32(clamping: self.placement.width),
            Int32(clamping: self.placement.height), AV_PIX_FMT_YUV420P, SWS_BILINEAR, nil, nil, nil)
        guard self.context != nil else {
            throw AVFailure(cause: .unsupported, operation: "scale", text: "pixel format \(frame.format) of \(frame.width)x\(frame.height)")
        }
        self.input = input
    }

    /// The largest place of this shape (width to height), in the middle; even, because chroma has half the pixels.
    private func place(shape: Double) -> Placement {
        let (outputWidth, outputHeight) = (Double(self.width), Double(self.height))
        let isWider = shape > outputWidth / outputHeight
        let fittedWidth = isWider ? outputWidth : outputHeight * shape
        let fittedHeight = isWider ? outputWidth / shape : outputHeight
        let width = min(max(Int(fittedWidth / 2 + 0.5) * 2, 2), self.width)
        let height = min(max(Int(fittedHeight / 2 + 0.5) * 2, 2), self.height)
        return Placement(x: (self.width - width) / 4 * 2, y: (self.height - height) / 4 * 2, width: width, height: height)
    }
}
