import CFFmpeg

/// How a still picture is stored.
public enum PictureFormat: String, Sendable, CaseIterable {
    case png
    case jpg
    case webp

    /// The end of a file's name, without the dot.
    public var fileExtension: String { self.rawValue }

    var encoderName: String {
        switch self {
        case .png: "png"
        case .jpg: "mjpeg"
        case .webp: "libwebp"
        }
    }

    var pixelFormat: AVPixelFormat {
        switch self {
        case .png: AV_PIX_FMT_RGB24
        case .jpg: AV_PIX_FMT_YUVJ420P
        case .webp: AV_PIX_FMT_YUV420P
        }
    }

    /// Settings that cost little and look well at a few hundred lines.
    var options: [String: String] {
        switch self {
        case .png: ["pred": "up", "compression_level": "4"]
        case .jpg: [:]
        case .webp: ["quality": "78", "compression_level": "2"]
        }
    }
}
