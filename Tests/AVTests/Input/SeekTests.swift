import AV
import Foundation
import Media
import Testing

@Suite struct SeekTests {
    static let containers = ["mp4", "mkv", "ts", "flv", "m3u8"]

    @Test(arguments: containers) func aSeekGoesToTheLastKeyframeBefore(container: String) throws {
        let clips = try Clips()
        let path = try clips.clip(
            "source.\(container)", seconds: 8, video: Encoders.h264, audio: Encoders.aac,
            extra: container == "m3u8" ? ["-hls_time", "2", "-hls_list_size", "0"] : [])
        let keyframes = try Reading(path).video.filter(\.isKeyframe).map(\.presentationTime)
        #expect(keyframes.count == 8)
        let demuxer = try Demuxer(path: path)
        #expect(demuxer.isSeekable)
        #expect(!demuxer.isLive)
        let reader = try FrameReader(demuxer)
        let start = try #require(reader.startTime)
        // Forwards, back, to the start, onto a keyframe.
        for target in [5_700, 1_300, 0, 7_000] as [Int64] {
            try reader.seek(to: MediaTime(milliseconds: target))
            let reading = try Reading(reader, atMost: 60)
            let first = try #require(reading.video.first)
            let expected = keyframes.last { $0 <= start + MediaTime(milliseconds: target) } ?? keyframes[0]
            #expect(first.isKeyframe)
            #expect(first.presentationTime == expected, "\(target) ms")
            let sound = try #require(reading.audio.first).presentationTime
            #expect((sound - expected).seconds < 0.25)
            #expect(sound >= min(expected, start))
        }
    }

    @Test func tracksComeFirstEvenWhenTheFirstCallIsASeek() throws {
        let clips = try Clips()
        let reader = try FrameReader(Demuxer(path: try clips.clip("source.mp4", seconds: 4, video: Encoders.h264, audio: Encoders.aac)))
        try reader.seek(to: MediaTime(milliseconds: 2_000))
        let reading = try Reading(reader)
        #expect(reading.announcedAfter == [0])
        #expect(try #require(reading.video.first).presentationTime == MediaTime(milliseconds: 2_000))
    }

    @Test(arguments: ["mp3", "aac", "wav", "ogg"]) func soundAloneIsFoundToo(container: String) throws {
        let clips = try Clips()
        let audio = ["mp3": Encoders.mp3, "aac": Encoders.aac, "wav": Encoders.pcm, "ogg": Encoders.opus][container]
        let reader = try FrameReader(Demuxer(path: try clips.clip("source.\(container)", seconds: 6, video: nil, audio: audio)))
        let start = reader.startTime ?? .zero
        try reader.seek(to: MediaTime(milliseconds: 3_000))
        let first = try #require(try Reading(reader).audio.first)
        #expect(abs((first.decodeTime - start).seconds - 3) < 0.15)
    }

    @Test func afterTheEndASeekGoesOn() throws {
        let clips = try Clips()
        let reader = try FrameReader(Demuxer(path: try clips.clip("source.mp4", video: Encoders.h264, audio: Encoders.aac)))
        #expect(try Reading(reader).video.count == 50)
        #expect(try reader.next() == nil)
        try reader.seek(to: .zero)
        #expect(try Reading(reader).video.count == 50)
    }
}
