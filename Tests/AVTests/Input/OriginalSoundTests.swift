import AV
import Foundation
import Media
import NIOCore
import Testing

/// Vorbis: AAC for everybody, and the packets as they came for those who take them.
@Suite struct OriginalSoundTests {
    private static let options = FrameReader.Options(keepsOriginals: true)

    private func original(_ reading: Reading) -> [EncodedFrame] { reading.frames.filter { $0.track == .originalAudio } }

    @Test(arguments: ["webm", "mkv", "ogg"]) func everyPacketIsThereBesideWhatIsMadeOfIt(container: String) throws {
        let clips = try Clips()
        let video = container == "ogg" ? nil : Encoders.vp8
        let path = try clips.clip("source.\(container)", seconds: 4, video: video, audio: Encoders.vorbis)
        let reading = try Reading(path, options: Self.options)
        #expect(reading.announcedAfter == [0])
        #expect(reading.tracks.map(\.id) == (video == nil ? [.audio, .originalAudio] : [.video, .audio, .originalAudio]))
        #expect(reading.tracks.map(\.codec) == (video == nil ? [.aac, .vorbis] : [.vp8, .aac, .vorbis]))
        let track = try #require(reading.tracks.last)
        let channels = try #require(reading.tracks.first { $0.id == .audio }?.audio).channelCount
        #expect(track.audio == AudioFormat(sampleRate: 48_000, channelCount: channels))
        #expect(reading.skipped == 0)
        // Payloads, by themselves.
        let demuxer = try Demuxer(path: path)
        let index = try #require(demuxer.tracks.firstIndex { $0.kind == .audio })
        let packet = try Packet()
        var packets: [EncodedFrame] = []
        while try demuxer.read(into: packet) {
            guard packet.streamIndex == index, packet.byteCount > 0 else { continue }
            let frame = packet.frame(of: track, timescale: demuxer.streams[index].timescale)
            packets.append(try #require(frame))
        }
        let frames = self.original(reading)
        #expect(frames.map(\.payload) == packets.map(\.payload) && frames.count > 150)
        for (frame, packet) in zip(frames, packets) { #expect(abs((frame.decodeTime - packet.decodeTime).seconds) < 0.000_002) }
        // Both sound for as long.
        let converted = reading.frames.filter { $0.track == .audio }
        for (one, other) in [(frames.first, converted.first), (frames.last, converted.last)] {
            #expect(abs((try #require(one).decodeTime - (try #require(other)).decodeTime).seconds) < 0.06)
        }
    }

    @Test func whoDoesNotAskGetsNone() throws {
        let clips = try Clips()
        let path = try clips.clip("source.webm", video: Encoders.vp8, audio: Encoders.vorbis)
        #expect(try Reading(path).tracks.map(\.codec) == [.vp8, .aac])
        #expect(self.original(try Reading(path)).isEmpty)
        // Without the conversion nobody else would hear anything.
        #expect(try Reading(path, options: .init(transcodesAudio: false, keepsOriginals: true)).tracks.map(\.codec) == [.vp8])
        // What no recording holds is not kept.
        let other = try clips.clip("source.mkv", video: Encoders.h264, audio: ["-c:a", "ac3"])
        #expect(try Reading(other, options: Self.options).tracks.map(\.codec) == [.h264, .aac])
    }

    @Test func afterASeekBothBeginThere() throws {
        let clips = try Clips()
        let reader = try FrameReader(
            Demuxer(path: try clips.clip("source.webm", seconds: 8, video: Encoders.vp8 + ["-g", "25"], audio: Encoders.vorbis)),
            options: Self.options)
        for target in [5_700, 1_300, 0] as [Int64] {
            try reader.seek(to: MediaTime(milliseconds: target))
            let reading = try Reading(reader, atMost: 150)
            let picture = try #require(reading.video.first)
            #expect(picture.isKeyframe)
            for track in [TrackID.audio, .originalAudio] {
                let first = try #require(reading.frames.first { $0.track == track }).decodeTime
                #expect(
                    first >= picture.decodeTime - MediaTime(milliseconds: 10) && (first - picture.decodeTime).seconds < 0.25, "\(target) \(track)")
            }
        }
    }

    /// An album's picture in the comments, and two titles by one encoder.
    @Test func commentsMakeNoOtherTrack() throws {
        let clips = try Clips()
        let plain = try clips.clip("one.ogg", video: nil, audio: Encoders.vorbis)
        let titled = try clips.clip(
            "two.ogg", video: nil, audio: Encoders.vorbis, extra: ["-metadata", "title=" + String(repeating: "x", count: 90_000)])
        let tracks = try [plain, titled].map { try Reading($0, options: Self.options).tracks }
        #expect(tracks[0] == tracks[1])
        #expect(tracks[1].map(\.id) == [.audio, .originalAudio])
    }

    /// Each in the frame of AAC that was made of its time, whatever the clock does.
    private func expectToFollow(_ reading: Reading, ahead: Double = 0.022) throws {
        var converted: MediaTime?
        for frame in reading.frames where frame.kind == .audio {
            guard frame.track == .originalAudio else {
                converted = frame.decodeTime
                continue
            }
            let distance = (frame.decodeTime - (try #require(converted, "an original came first"))).seconds
            #expect(distance < ahead && distance > -0.15, "\(frame.decodeTime)")
        }
    }

    @Test(arguments: [1_500, 3_500, 30_000]) func theyFollowWhatIsMadeOfThem(gap: Int) throws {
        let clips = try Clips()
        let whole = try clips.clip("whole.mkv", seconds: 4, video: nil, audio: Encoders.vorbis)
        let path = clips.path("broken.mkv")
        let times = "if(gte(PTS\\,2000)\\,PTS+\(gap)\\,PTS)"
        try Clips.run("ffmpeg", ["-v", "error", "-i", whole, "-c", "copy", "-bsf:a", "setts=pts=\(times)", path])
        let reading = try Reading(path, options: Self.options)
        try self.expectToFollow(reading)
        #expect(self.original(reading).count >= self.original(try Reading(whole, options: Self.options)).count - 8)
    }

    /// A webm with some of its packets of sound changed.
    private func damaged(_ clips: Clips, _ change: (Int, [UInt8]) -> [UInt8]) throws -> (whole: Reading, damaged: Reading) {
        let whole = try Reading(
            try clips.clip("whole.webm", seconds: 4, video: Encoders.vp8, audio: Encoders.vorbis), options: Self.options)
        let path = clips.path("damaged.webm")
        let tracks = whole.tracks.filter { $0.id != .audio }
        let muxer = try Muxer(format: "webm", tracks: tracks, sink: FileSink(path: path, creation: .replacing))
        var sounds = 0
        for frame in whole.frames.filter({ $0.track != .audio }).sorted(by: { $0.decodeTime < $1.decodeTime }) {
            var payload = frame.payload
            if frame.kind == .audio {
                payload = .init(bytes: change(sounds, Array(payload.readableBytesView)))
                sounds += 1
            }
            let index = try #require(tracks.firstIndex { $0.id == frame.track })
            let time = frame.decodeTime.ticks(timescale: UInt32(muxer.timescale(of: index)))
            try muxer.writeInterleaved(
                Packet(payload: payload, streamIndex: index, decodeTime: time, presentationTime: time, duration: 0, isKeyframe: frame.isKeyframe))
        }
        try muxer.finish()
        return (whole, try Reading(path, options: Self.options))
    }

    /// It looks like a header by its first byte only.
    @Test(arguments: [[1, 2, 3], [5], [3, 0x76, 0x6F], Array(repeating: 7, count: 3_000)] as [[UInt8]])
    func aDamagedPacketIsLeftOut(bytes: [UInt8]) throws {
        let (whole, damaged) = try self.damaged(try Clips()) { number, payload in number == 60 ? bytes : payload }
        #expect(damaged.announcements.count == 1)
        var expected = self.original(whole).map(\.payload)
        expected.remove(at: 60)
        #expect(self.original(damaged).map(\.payload) == expected)
    }

    /// The packets behind a header that stands alone are nobody knows what.
    @Test func withoutItsSetupHeaderTheOriginalIsGivenUp() throws {
        let clips = try Clips()
        let one = try clips.clip("one.webm", video: Encoders.vp8, audio: Encoders.vorbis)
        let header = Array(try #require(try Reading(one, options: Self.options).tracks.last).configuration[3..<33])
        let (whole, damaged) = try self.damaged(clips) { number, payload in number == 60 ? header : payload }
        #expect(damaged.announcements.map { $0.map(\.codec) } == [[.vp8, .aac, .vorbis], [.vp8, .aac]])
        #expect(self.original(damaged).map(\.payload) == Array(self.original(whole).map(\.payload)[..<60]))
        #expect(damaged.video.count == whole.video.count)
    }

    /// Nothing is made of it, so nothing is held of it for long.
    @Test(arguments: [20_000, 100_000]) func anOriginalThatCannotBeDecodedIsNotHeld(size: Int) throws {
        let (whole, damaged) = try self.damaged(try Clips()) { number, payload in
            // The mode's bits are valid, the rest is none.
            number < 20 ? payload : [payload[0]] + Array(repeating: 0xFF, count: size)
        }
        #expect(self.original(damaged).count <= 300)
        #expect(damaged.video.count == whole.video.count)
        if size < 1 << 16 { #expect(damaged.announcements.first?.last?.id == .originalAudio) }
    }

    /// As a radio station sends its songs: the next song's headers are packets.
    @Test func theNextSongOfAChainHasItsOwnHeaders() throws {
        let clips = try Clips()
        let songs = try [("low", ["-c:a", "libvorbis", "-b:a", "64k"]), ("high", ["-c:a", "libvorbis", "-q:a", "8"])].map { name, audio in
            try clips.clip("\(name).ogg", seconds: 3, video: nil, audio: audio)
        }
        let chain = clips.path("chain.ogg")
        try Data(songs.flatMap { try Data(contentsOf: URL(fileURLWithPath: $0)) }).write(to: URL(fileURLWithPath: chain))
        let reading = try Reading(chain, options: Self.options)
        let alone = try songs.map { try Reading($0, options: Self.options) }
        #expect(reading.announcements.count == 2)
        // What does not fill a frame at the end of a song is let go by the next one's headers.
        try self.expectToFollow(reading, ahead: 0.1)
        for (announced, song) in zip(reading.announcements, alone) { #expect(announced.last == song.tracks.last && announced.count == 2) }
        let change = try #require(reading.announcedAfter.last)
        let parts = [reading.frames[..<change], reading.frames[change...]].map { $0.filter { $0.track == .originalAudio }.map(\.payload) }
        #expect(parts[0] == self.original(alone[0]).map(\.payload))
        #expect(parts[1].count >= self.original(alone[1]).count - 2)
        #expect(parts[1] == Array(self.original(alone[1]).map(\.payload).suffix(parts[1].count)))
    }

    /// Two packets, too little for one of AAC.
    @Test func whereNothingIsMadeOfItNothingIsGiven() throws {
        let clips = try Clips()
        let path = clips.path("short.ogg")
        try Clips.run(
            "ffmpeg", ["-v", "error", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-af", "atrim=end_sample=200"] + Encoders.vorbis + [path])
        #expect(throws: AVFailure.self) { try Reading(path, options: Self.options) }
    }
}
