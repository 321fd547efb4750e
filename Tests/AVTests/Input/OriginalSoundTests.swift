import AV
import Foundation
import Media
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

    /// None is ahead of what everybody hears, whatever the clock does: before and behind a gap, at a jump back.
    @Test(arguments: ["PTS+1500", "PTS+3500", "PTS+30000", "PTS-900"]) func theyFollowWhatIsMadeOfThem(times: String) throws {
        let clips = try Clips()
        let whole = try clips.clip("whole.mkv", seconds: 4, video: nil, audio: Encoders.vorbis)
        let path = clips.path("broken.mkv")
        let shift = times.hasPrefix("PTS-") ? "if(gte(PTS\\,2000)\\,\(times)\\,PTS)" : "if(gte(PTS\\,2000)\\,\(times)\\,PTS)"
        try Clips.run("ffmpeg", ["-v", "error", "-i", whole, "-c", "copy", "-bsf:a", "setts=pts=\(shift)", path])
        let reading = try Reading(path, options: Self.options)
        var converted: MediaTime?
        for frame in reading.frames {
            guard frame.track == .originalAudio else {
                converted = frame.decodeTime
                continue
            }
            let distance = (frame.decodeTime - (try #require(converted, "an original came first"))).seconds
            #expect(distance < 0.022 && distance > -1, "\(frame.decodeTime)")
        }
        #expect(self.original(reading).count >= (try Reading(whole, options: Self.options).frames.count { $0.track == .originalAudio }) - 8)
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
