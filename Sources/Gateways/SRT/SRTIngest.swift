import AV
import Logging
import Media
import NIOCore
import Streams

/// The thread of one publisher: what it sends becomes frames of the stream, until it ends, falls silent or has to leave.
struct SRTIngest {
    /// For the first packets until it is known what is in them, and for every frame from then on, while bytes come.
    private static let frameTimeout = Duration.seconds(10)
    /// Media that finding that out waits for, always, because a transport stream never says that it has shown everything. Encoders hold sound back for
    /// up to 0.7 s.
    private static let analyzeDuration = Duration.milliseconds(800)

    let connection: SRTConnection
    let publisher: Publisher
    let idleTimeout: Duration
    let transcodesAudio: Bool
    let logger: Logger

    /// Returns when there is nothing more to come.
    func run() -> PublishEnd {
        let interrupt = Interrupt()
        let source = SRTByteSource(self.connection, interrupt: interrupt, idleTimeout: self.idleTimeout)
        var announced = AnnouncedTracks()
        while source.end == nil {
            var frames = 0
            do throws(AVFailure) {
                try self.read(source, interrupt, &announced, &frames)
            } catch {
                if source.end != nil { break }
                // Where there were frames, a new look at what comes next is worth it: the encoder may have begun to send something else.
                self.logger.notice("SRT publisher sends what cannot be read", metadata: ["error": "\(error)", "frames": "\(frames)"])
                if frames == 0 { return .lost }
            }
        }
        return source.end ?? .lost
    }

    private func read(
        _ source: SRTByteSource, _ interrupt: Interrupt, _ announced: inout AnnouncedTracks, _ frames: inout Int
    ) throws(AVFailure) {
        // Silence is the source's business, and may be allowed to last longer.
        let limit = max(Self.frameTimeout, self.idleTimeout + .seconds(1))
        interrupt.arm(within: limit)
        defer { interrupt.disarm() }
        let demuxer = try Demuxer(source, format: "mpegts", analyzeDuration: Self.analyzeDuration, interrupt: interrupt)
        let reader = try FrameReader(demuxer, options: .init(transcodesAudio: self.transcodesAudio))
        while let item = try reader.next() {
            interrupt.arm(within: limit)
            switch item {
            case .tracks(let tracks):
                if announced.tracks.isEmpty {
                    self.publisher.expect(video: tracks.contains { $0.kind == .video }, audio: tracks.contains { $0.kind == .audio })
                }
                self.publisher.announce(announced.take(tracks))
            case .frame(let frame):
                frames += 1
                self.publisher.publish(frame, now: .now())
            }
        }
    }
}
