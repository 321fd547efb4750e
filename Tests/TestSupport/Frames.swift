public import Media
import NIOCore

/// Tracks and frames for tests that look at order and bounds, not at pictures.
public enum Frames {
    public static let video = Track(
        id: .video, codec: .h264,
        // What x264 says of 1280x720 at 30 frames a second, High profile.
        configuration: [
            0x01, 0x64, 0x00, 0x1f, 0xff, 0xe1, 0x00, 0x18, 0x67, 0x64, 0x00, 0x1f, 0xac, 0xb4, 0x02, 0x80, 0x2d, 0xd8, 0x08, 0x80, 0x00, 0x00,
            0x03, 0x00, 0x80, 0x00, 0x00, 0x1e, 0x07, 0x8c, 0x19, 0x50, 0x01, 0x00, 0x04, 0x68, 0xef, 0x3c, 0xb0, 0xfd, 0xf8, 0xf8, 0x00,
        ],
        format: .video(VideoFormat(width: 1280, height: 720, frameRate: 30)))
    public static let audio = Track(
        id: .audio, codec: .aac, configuration: [0x12, 0x10],
        format: .audio(AudioFormat(sampleRate: 44100, channelCount: 2, samplesPerPacket: 1024)))

    public static func picture(at milliseconds: Int64, key: Bool = false, bytes: Int = 100, offset: Int64 = 0) -> EncodedFrame {
        EncodedFrame(
            track: .video, kind: .video, isKeyframe: key, decodeTime: MediaTime(milliseconds: milliseconds),
            compositionOffset: MediaTime(milliseconds: offset), payload: ByteBuffer(repeating: 0xab, count: bytes))
    }

    public static func sound(at milliseconds: Int64, bytes: Int = 10) -> EncodedFrame {
        EncodedFrame(
            track: .audio, kind: .audio, isKeyframe: true, decodeTime: MediaTime(milliseconds: milliseconds),
            payload: ByteBuffer(repeating: 0xcd, count: bytes))
    }
}
