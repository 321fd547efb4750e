import Media
import NIOCore
import Streams

/// A stream that a test feeds by hand: H.264 at 25 frames a second with a keyframe every 10, AAC beside it. Every frame ends in its number.
final class TestPublisher {
    let directory: StreamDirectory
    let publisher: Publisher
    private(set) var pictures = 0
    private(set) var sounds = 0
    private let frameSize: Int
    private let start: MediaTime

    static let videoTrack = Track(
        id: .video, codec: .h264, configuration: [1, 0x64, 0, 0x1F, 0xFF, 0xE1, 0, 4, 0x67, 0x64, 0, 0x1F, 1, 0, 2, 0x68, 0xEE],
        format: .video(VideoFormat(width: 1280, height: 720, frameRate: 25)))
    static let audioTrack = Track(
        id: .audio, codec: .aac, configuration: [0x11, 0x90],
        format: .audio(AudioFormat(sampleRate: 48_000, channelCount: 2, samplesPerPacket: 1024)))

    var stream: Stream { self.publisher.stream }

    /// - Parameter start: the source's clock when it begins, in milliseconds.
    init(
        directory: StreamDirectory = StreamDirectory(), tracks: [Track] = [videoTrack, audioTrack], credential: String? = nil, frameSize: Int = 200,
        start: Int64 = 5_000, id: String = "show"
    ) throws {
        self.directory = directory
        self.frameSize = frameSize
        self.start = MediaTime(milliseconds: start)
        let source = PublishSource(
            type: .rtmp, remoteAddress: "127.0.0.1", credential: credential, startedAtMilliseconds: 0, stop: { _ in })
        self.publisher = try directory.publish(StreamKey(id), source: source, now: .now()).get()
        self.publisher.expect(video: tracks.contains { $0.kind == .video }, audio: tracks.contains { $0.kind == .audio })
        for track in tracks { self.publisher.announce(track) }
    }

    /// A picture, a keyframe every tenth, with the composition offsets of a stream with B-frames.
    func picture() {
        let number = self.pictures
        self.pictures += 1
        self.send(
            .video, isKeyframe: number.isMultiple(of: 10), at: Int64(number) * 40, offset: number.isMultiple(of: 3) ? 80 : 0, number: number)
    }

    func sound() {
        let number = self.sounds
        self.sounds += 1
        self.send(.audio, isKeyframe: true, at: Int64(number) * 40 + 5, offset: 0, number: number)
    }

    /// A picture and a sound, so often.
    func run(_ count: Int) {
        for _ in 0..<count {
            self.picture()
            self.sound()
        }
    }

    /// Pictures are one NAL unit behind its length, as those who look into them expect.
    var hasNALUnits = false

    private func send(_ track: TrackID, isKeyframe: Bool, at milliseconds: Int64, offset: Int64, number: Int) {
        var payload = ByteBuffer()
        if track == .video, self.hasNALUnits {
            payload.writeInteger(UInt32(self.frameSize + 5))
            payload.writeInteger(UInt8(isKeyframe ? 0x65 : 0x41))
        }
        payload.writeRepeatingByte(0xAB, count: track == .video ? self.frameSize : 40)
        payload.writeInteger(UInt32(number))
        self.publisher.publish(
            EncodedFrame(
                track: track, kind: track == .video ? .video : .audio, isKeyframe: isKeyframe,
                decodeTime: self.start + MediaTime(milliseconds: milliseconds), compositionOffset: MediaTime(milliseconds: offset), payload: payload),
            now: .now())
    }
}
