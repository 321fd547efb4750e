import Media
import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import Streams

/// A stream whose sound was converted on its way in.
@Suite struct StreamViewTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
    private static let original = Track(
        id: .originalAudio, codec: .vorbis, configuration: [2], format: .audio(AudioFormat(sampleRate: 44_100, channelCount: 2)))

    private func publisher(_ directory: StreamDirectory, _ tracks: [Track] = [Frames.video, Frames.audio, original]) throws -> Publisher {
        let source = PublishSource(type: .pull, remoteAddress: "a", startedAtMilliseconds: 0) { _ in }
        let publisher = try directory.publish(StreamKey("demo"), source: source, now: self.start).get()
        publisher.announce(tracks)
        return publisher
    }

    private func original(at milliseconds: Int64) -> EncodedFrame {
        var frame = Frames.sound(at: milliseconds, bytes: 7)
        frame.track = .originalAudio
        return frame
    }

    /// A picture, and a packet of each sound.
    private func publish(_ publisher: Publisher, at milliseconds: Int64, key: Bool = false) {
        publisher.publish(Frames.picture(at: milliseconds, key: key), now: self.start)
        publisher.publish(self.original(at: milliseconds + 1), now: self.start)
        publisher.publish(Frames.sound(at: milliseconds + 2), now: self.start)
    }

    private func drain(_ reader: StreamReader) -> [String] {
        var seen: [String] = []
        while let item = reader.next() {
            switch item {
            case .tracks(let tracks): seen.append(tracks.map(\.codec.rawValue).joined(separator: "+"))
            case .frame(let frame): seen.append("\(["v", "a", "o"][Int(frame.track.rawValue)])\(frame.decodeTime.milliseconds)")
            case .discontinuity: seen.append("discontinuity")
            case .ended: seen.append("ended")
            }
        }
        return seen
    }

    private final class ChangeLog: Sendable {
        private let changes = Mutex<[String]>([])
        var all: [String] { self.changes.withLock { $0 } }

        func note(_ event: StreamEvent) {
            guard case .tracksChanged(_, _, let tracks) = event else { return }
            self.changes.withLock { $0.append(tracks.map(\.codec.rawValue).joined(separator: "+")) }
        }
    }

    @Test func originalsAreForThoseWhoAskForThemInPlaceOfWhatWasMadeOfThem() throws {
        let directory = StreamDirectory()
        let stream = directory.open(StreamKey("demo"))
        let readers = (universal: stream.attach {}, originals: stream.attach(view: .originals) {})
        let publisher = try self.publisher(directory)
        self.publish(publisher, at: 0, key: true)
        self.publish(publisher, at: 40)
        #expect(self.drain(readers.universal) == ["h264+aac", "v0", "a2", "v40", "a42"])
        #expect(self.drain(readers.originals) == ["h264+vorbis", "v0", "o1", "v40", "o41"])
        // The same for who joins later.
        #expect(self.drain(stream.attach {}) == ["h264+aac", "v0", "a2", "v40", "a42"])
        #expect(self.drain(stream.attach(view: .originals) {}) == ["h264+vorbis", "v0", "o1", "v40", "o41"])
        // What is told of a stream is what everybody gets.
        #expect(stream.tracks.map(\.codec) == [.h264, .aac])
        let snapshot = try #require(stream.snapshot(now: self.start))
        #expect(snapshot.tracks.map(\.codec) == [.h264, .aac] && snapshot.receivedFrames == 4 && snapshot.receivedBytes == 220)
    }

    @Test func whereThereIsNoOriginalBothGetTheSame() throws {
        let directory = StreamDirectory()
        let publisher = try self.publisher(directory, [Frames.video, Frames.audio])
        publisher.publish(Frames.picture(at: 0, key: true), now: self.start)
        publisher.publish(Frames.sound(at: 2), now: self.start)
        #expect(self.drain(publisher.stream.attach {}) == ["h264+aac", "v0", "a2"])
        #expect(self.drain(publisher.stream.attach(view: .originals) {}) == ["h264+aac", "v0", "a2"])
    }

    @Test func soundAloneIsServedToBoth() throws {
        let directory = StreamDirectory()
        let publisher = try self.publisher(directory, [])
        publisher.expect(video: false, audio: true)
        publisher.announce([Frames.audio, Self.original])
        let readers = (universal: publisher.stream.attach {}, originals: publisher.stream.attach(view: .originals) {})
        for time in [0, 20] as [Int64] {
            publisher.publish(self.original(at: time), now: self.start)
            publisher.publish(Frames.sound(at: time + 1), now: self.start)
        }
        #expect(self.drain(readers.universal) == ["aac", "a1", "a21"])
        #expect(self.drain(readers.originals) == ["vorbis", "o0", "o20"])
        // Who joins behind a packet that is not for them waits for the next.
        let late = publisher.stream.attach(view: .originals) {}
        #expect(self.drain(late) == ["vorbis"])
        publisher.publish(self.original(at: 40), now: self.start)
        #expect(self.drain(late) == ["o40"])
        #expect(self.drain(publisher.stream.attach {}) == ["aac"])
    }

    @Test func anOriginalThatNobodyHasAnnouncedIsForNobody() throws {
        let directory = StreamDirectory()
        let publisher = try self.publisher(directory, [Frames.video, Frames.audio])
        let reader = publisher.stream.attach(view: .originals) {}
        publisher.publish(Frames.picture(at: 0, key: true), now: self.start)
        publisher.publish(self.original(at: 1), now: self.start)
        #expect(self.drain(reader) == ["h264+aac", "v0"])
    }

    @Test func whatChangesOnlyForSomeIsToldToThemOnly() throws {
        let changes = ChangeLog()
        let directory = StreamDirectory()
        directory.observe { changes.note($0) }
        let publisher = try self.publisher(directory)
        self.publish(publisher, at: 0, key: true)
        let readers = (universal: publisher.stream.attach {}, originals: publisher.stream.attach(view: .originals) {})
        _ = (self.drain(readers.universal), self.drain(readers.originals))
        var other = Self.original
        other.configuration = [2, 3]
        publisher.announce([other])
        self.publish(publisher, at: 40, key: true)
        #expect(self.drain(readers.universal) == ["v40", "a42"])
        #expect(self.drain(readers.originals) == ["h264+vorbis", "v40", "o41"])
        // Nothing comes of it any more: what was made of it, or comes instead, is for all.
        publisher.announce([], withdrawing: .originalAudio)
        publisher.publish(Frames.picture(at: 80, key: true), now: self.start)
        publisher.publish(Frames.sound(at: 82), now: self.start)
        #expect(self.drain(readers.universal) == ["v80", "a82"])
        #expect(self.drain(readers.originals) == ["h264+aac", "v80", "a82"])
        #expect(changes.all == [])
        var audio = Frames.audio
        audio.configuration = [0x11, 0x90]
        publisher.announce([audio, other])
        #expect(self.drain(readers.universal) == ["h264+aac"])
        #expect(self.drain(readers.originals) == ["h264+vorbis"])
        #expect(changes.all == ["h264+aac"])
    }
}
