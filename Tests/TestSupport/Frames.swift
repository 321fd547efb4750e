public import Media
public import NIOCore

/// Tracks and frames for tests that look at order and bounds, not at pictures.
public enum Frames {
    public static let video = Track(
        id: .video, codec: .h264,
        configuration: [
            1, 0x64, 0, 0x1f, 0xff, 0xe1, 0, 0x18, 0x67, 0x64, 0, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x10, 0, 0, 3, 0, 0x10, 0, 0, 3, 3,
            0xc0, 0xf1, 0x83, 0x19, 0x60, 1, 0, 6, 0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0,
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
