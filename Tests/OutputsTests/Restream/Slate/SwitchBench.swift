import AV
import Media
import NIOCore
import Streams
import Testing

@testable import Outputs

/// A `FeedSwitch` with a clock that is moved by hand, and everything it sends.
struct SwitchBench {
    enum Sent: Equatable {
        /// The codecs, and whether the pictures are the slate's.
        case tracks([Codec], isSlate: Bool)
        case discontinuity
        case ended
        /// Whose picture or sound, told by the payload's first byte; milliseconds.
        case picture(UInt8, Int64, isKeyframe: Bool)
        case sound(UInt8, Int64)
    }

    static let source: UInt8 = 1
    static let slate: UInt8 = 2
    static let backup: UInt8 = 3
    static let video = TestPublisher.videoTrack
    static let audio = TestPublisher.audioTrack
    /// Two seconds at 25 frames a second.
    static let loop = PictureLoop(
        track: Track(
            id: .video, codec: .h264, configuration: [1, 0x4D, 0, 0x1F, 0xFF, 0xE1, 0, 4, 0x67, 0x4D, 0, 0x1F, 1, 0, 2, 0x68, 0xEE],
            format: .video(VideoFormat(width: 1280, height: 720, frameRate: 25))),
        frameRate: 25, frames: (0..<50).map { .init(payload: ByteBuffer(bytes: [Self.slate, UInt8($0)]), isKeyframe: $0 == 0) })

    var feed: FeedSwitch
    var now = NIODeadline.now()
    var items: [StreamItem] = []

    init(after: TimeAmount = .seconds(2), limit: TimeAmount = .hours(1)) { self.feed = FeedSwitch(after: after, limit: limit, now: self.now) }

    mutating func pass(_ time: TimeAmount) { self.now = self.now + time }

    static func picture(_ whose: UInt8, _ milliseconds: Int64, isKeyframe: Bool, offset: Int64 = 0, track: TrackID = .video) -> StreamItem {
        .frame(
            EncodedFrame(
                track: track, kind: .video, isKeyframe: isKeyframe, decodeTime: MediaTime(milliseconds: milliseconds),
                compositionOffset: MediaTime(milliseconds: offset), payload: ByteBuffer(bytes: [whose])))
    }

    static func sound(_ whose: UInt8, _ milliseconds: Int64, track: TrackID = .audio) -> StreamItem {
        .frame(
            EncodedFrame(
                track: track, kind: .audio, isKeyframe: true, decodeTime: MediaTime(milliseconds: milliseconds), payload: ByteBuffer(bytes: [whose])))
    }

    /// The source gives it.
    mutating func source(_ item: StreamItem) { self.feed.received(item, now: self.now, into: &self.items) }
    mutating func backup(_ item: StreamItem) { self.feed.backup(item, now: self.now, into: &self.items) }

    /// Goes on for so many pictures in real time, each with a sound 5 ms later; a keyframe is the first and every tenth.
    mutating func run(_ count: Int, from start: Int64, whose: UInt8 = SwitchBench.source, firstIsKeyframe: Bool = true) {
        for number in 0..<Int64(count) {
            let picture = Self.picture(whose, start + number * 40, isKeyframe: number.isMultiple(of: 10) && (number > 0 || firstIsKeyframe))
            let sound = Self.sound(whose, start + number * 40 + 5)
            for item in [picture, sound] {
                if whose == Self.backup { self.backup(item) } else { self.source(item) }
            }
            self.pass(.milliseconds(40))
        }
    }

    /// Live for a second.
    mutating func begin(_ tracks: [Track] = [SwitchBench.video, SwitchBench.audio]) {
        self.feed.connectionBegan(now: self.now)
        self.source(.tracks(tracks))
        self.run(25, from: 7_000)
        self.items = []
    }

    /// Time passes; the switch is looked at whenever it wants to be.
    mutating func wait(_ time: TimeAmount, loop: PictureLoop? = SwitchBench.loop) throws {
        let end = self.now + time
        for _ in 0..<10_000 {
            let deadline = max(try #require(self.feed.deadline(now: self.now)), self.now)
            guard deadline <= end else { break }
            self.now = deadline
            self.feed.advance(now: self.now, loop: loop, into: &self.items)
        }
        self.now = end
        self.feed.advance(now: self.now, loop: loop, into: &self.items)
    }

    /// What was sent since the last call.
    mutating func sent() -> [Sent] {
        defer { self.items = [] }
        return self.items.map { item in
            switch item {
            case .tracks(let tracks): .tracks(tracks.map(\.codec), isSlate: tracks.contains { $0.configuration == Self.loop.track.configuration })
            case .discontinuity: .discontinuity
            case .ended: .ended
            case .frame(let frame):
                frame.kind == .video
                    ? .picture(
                        frame.payload.getInteger(at: frame.payload.readerIndex) ?? 0, frame.decodeTime.milliseconds, isKeyframe: frame.isKeyframe)
                    : .sound(frame.payload.getInteger(at: frame.payload.readerIndex) ?? 0, frame.decodeTime.milliseconds)
            }
        }
    }
}

extension [SwitchBench.Sent] {
    /// Milliseconds, of pictures or of sound.
    func times(pictures: Bool, of whose: UInt8? = nil) -> [Int64] {
        self.compactMap { sent in
            switch sent {
            case .picture(let from, let time, _) where pictures && from == whose ?? from: time
            case .sound(let from, let time) where !pictures && from == whose ?? from: time
            default: nil
            }
        }
    }

    /// Within a track no time may go back, nor leave a gap.
    func requireContinuous(longestGap: Int64, after before: Int64? = nil, pictures: Bool, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let times = (before.map { [$0] } ?? []) + self.times(pictures: pictures)
        try #require(times.count > 1, sourceLocation: sourceLocation)
        for (one, next) in zip(times, times.dropFirst()) {
            try #require(next > one && next - one <= longestGap, "\(next) after \(one)", sourceLocation: sourceLocation)
        }
    }
}
