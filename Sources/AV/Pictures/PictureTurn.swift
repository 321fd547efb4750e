import CFFmpeg

/// By how much a picture is turned to be shown upright, clockwise.
public enum PictureTurn: Int, Sendable, CaseIterable {
    case none = 0
    case quarter = 90
    case half = 180
    case threeQuarters = 270

    /// Width and height change places.
    public var isSideways: Bool { self == .quarter || self == .threeQuarters }

    /// Degrees, clockwise; to the nearest quarter.
    init(degrees: Double) {
        guard degrees.isFinite else {
            self = .none
            return
        }
        let quarters = Int((degrees / 90).rounded()) % 4
        self = PictureTurn(rawValue: (quarters + 4) % 4 * 90) ?? .none
    }

    /// Of a display matrix (ISO/IEC 14496-12 §8.3.2), nine numbers of 32 bits.
    init(matrix: UnsafeRawPointer?, bytes: Int) {
        guard let matrix, bytes >= 9 * MemoryLayout<Int32>.size else {
            self = .none
            return
        }
        // FFmpeg counts the other way round.
        self.init(degrees: -av_display_rotation_get(matrix.assumingMemoryBound(to: Int32.self)))
    }
}

extension DecodedFrame {
    /// As the bitstream has it (H.264 and HEVC: display orientation SEI).
    var turn: PictureTurn {
        guard let data = av_frame_get_side_data(self.raw, AV_FRAME_DATA_DISPLAYMATRIX) else { return .none }
        return PictureTurn(matrix: UnsafeRawPointer(data.pointee.data), bytes: Int(data.pointee.size))
    }
}
