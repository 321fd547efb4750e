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
}
