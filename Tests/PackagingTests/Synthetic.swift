import Media
import NIOCore

/// Frames for tests of times and cuts, not of pictures.
enum Synthetic {
    static let video = Track(
        id: .video, codec: .h264,
        configuration: [
            1, 0x64, 0, 0x1f, 0xff, 0xe1, 0, 0x18, 0x67, 0x64, 0, 0x1f, 0xac, 0xd9, 0x40, 0x50, 0x05, 0xbb, 0x01, 0x10, 0, 0, 3, 0, 0x10, 0, 0, 3, 3,
            0xc0, 0xf1, 0x83, 0x19, 0x60, 1, 0, 6, 0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0,
        ],
        format: .video(VideoFormat(width: 1280, height: 720, frameRate: 30)))
    static let audio = Track(
        id: .audio, codec: .aac, configuration: [0x12, 0x10],
        format: .audio(AudioFormat(sampleRate: 44_100, channelCount: 2, samplesPerPacket: 1024)))

    static func picture(_ milliseconds: Int64, key: Bool = false, offset: Int64 = 0, bytes: Int = 100) -> EncodedFrame {
        EncodedFrame(
            track: .video, kind: .video, isKeyframe: key, decodeTime: MediaTime(milliseconds: milliseconds),
            compositionOffset: MediaTime(milliseconds: offset), payload: ByteBuffer(repeating: key ? 0xAA : 0xBB, count: bytes))
    }

    static func sound(_ milliseconds: Int64, track: TrackID = .audio) -> EncodedFrame {
        EncodedFrame(
            track: track, kind: .audio, isKeyframe: true, decodeTime: MediaTime(milliseconds: milliseconds),
            payload: ByteBuffer(repeating: 0xCC, count: 20))
    }

    /// Video of 25 frames a second in [from, to) milliseconds, a keyframe every `group` milliseconds counted from `from`.
    static func pictures(_ from: Int64, _ to: Int64, group: Int64, offset: Int64 = 0, bytes: Int = 100) -> [EncodedFrame] {
        stride(from: from, to: to, by: 40).map { self.picture($0, key: ($0 - from) % group == 0, offset: offset, bytes: bytes) }
    }

    /// AAC at 44.1 kHz in [from, to) milliseconds, stamped in whole milliseconds.
    static func sounds(_ from: Int64, _ to: Int64) -> [EncodedFrame] {
        var frames: [EncodedFrame] = []
        var count: Int64 = 0
        while from + count * 1024 * 1000 / 44_100 < to {
            frames.append(self.sound(from + count * 1024 * 1000 / 44_100))
            count += 1
        }
        return frames
    }

    /// In the order in which a hub gives them: by decode time.
    static func merged(_ lists: [EncodedFrame]...) -> [EncodedFrame] {
        lists.joined().enumerated().sorted { ($0.element.decodeTime, $0.offset) < ($1.element.decodeTime, $1.offset) }.map(\.element)
    }
}
