import CFFmpeg
public import Media

/// Display matrices as FFmpeg has them: those of ISO/IEC 14496-12 §8.3.2, nine numbers of 32 bits.
enum DisplayMatrix {
    static let count = 9

    /// What the container says of the stream; empty where it says nothing.
    static func of(_ stream: UnsafePointer<AVStream>) -> [Int32] {
        var size = 0
        guard let data = av_stream_get_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, &size), size >= Self.count * MemoryLayout<Int32>.size else {
            return []
        }
        return (0..<Self.count).map { UnsafeRawPointer(data).loadUnaligned(fromByteOffset: $0 * MemoryLayout<Int32>.size, as: Int32.self) }
    }

    /// Lets a muxer say it.
    static func set(_ matrix: [Int32], of stream: UnsafeMutablePointer<AVStream>) throws(AVFailure) {
        guard matrix.count == Self.count else { return }
        let bytes = Self.count * MemoryLayout<Int32>.size
        guard let data = av_stream_new_side_data(stream, AV_PKT_DATA_DISPLAYMATRIX, bytes) else {
            throw AVFailure("add stream", code: shim_averror(ENOMEM))
        }
        for (index, value) in matrix.enumerated() {
            UnsafeMutableRawPointer(data).storeBytes(of: value, toByteOffset: index * MemoryLayout<Int32>.size, as: Int32.self)
        }
    }
}

extension PictureTurn {
    /// Of a display matrix; mirroring is not looked at.
    init(matrix: UnsafeRawPointer?, bytes: Int) {
        guard let matrix, bytes >= DisplayMatrix.count * MemoryLayout<Int32>.size else {
            self = .none
            return
        }
        // FFmpeg counts the other way round.
        self.init(degrees: -av_display_rotation_get(matrix.assumingMemoryBound(to: Int32.self)))
    }

    init(matrix: [Int32]) {
        self = matrix.withUnsafeBytes { PictureTurn(matrix: $0.baseAddress, bytes: $0.count) }
    }
}

extension Demuxer {
    func turn(of index: Int) -> PictureTurn {
        guard let context = self.context, index >= 0, index < Int(context.pointee.nb_streams), let stream = context.pointee.streams[index] else {
            return .none
        }
        return PictureTurn(matrix: DisplayMatrix.of(stream))
    }
}

extension DecodedFrame {
    /// As the bitstream has it (H.264 and HEVC: display orientation SEI).
    var turn: PictureTurn {
        guard let data = av_frame_get_side_data(self.raw, AV_FRAME_DATA_DISPLAYMATRIX) else { return .none }
        return PictureTurn(matrix: UnsafeRawPointer(data.pointee.data), bytes: Int(data.pointee.size))
    }

    /// What the picture is turned by: what its container says stands above what it says itself, and is not added to it.
    public func turn(told container: PictureTurn) -> PictureTurn { container == .none ? self.turn : container }
}
