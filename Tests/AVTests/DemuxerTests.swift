import AV
import Foundation
import Media
import Testing

/// The types of a file's top-level boxes.
func boxes(_ path: String) throws -> [String] {
    let data = try Data(contentsOf: URL(fileURLWithPath: path))
    var types: [String] = []
    var position = 0
    while position + 8 <= data.count {
        let size = data[position..<position + 4].reduce(0) { $0 << 8 | Int($1) }
        types.append(String(decoding: data[position + 4..<position + 8], as: UTF8.self))
        try #require(size >= 8)
        position += size
    }
    return types
}

@Suite struct DemuxerTests {
    @Test func tracksTellWhatTheRecordTells() throws {
        let clips = try Clips()
        let source = try clips.make("source.mp4", video: Encoders.h264, audio: Encoders.aac)
        let demuxer = try Demuxer(path: source)
        let video = try #require(demuxer.tracks.first { $0.kind == .video })
        let audio = try #require(demuxer.tracks.first { $0.kind == .audio })
        #expect(video.codec == .h264)
        #expect(video.video?.width == 160)
        #expect(video.video?.height == 90)
        #expect(audio.audio == AudioFormat(sampleRate: 48_000, channelCount: 1, samplesPerPacket: 1024))
        // The records parse with Media's own parsers to the same.
        #expect(try Track(id: video.id, codec: .h264, configuration: video.configuration).video?.width == 160)
        #expect(try Track(id: audio.id, codec: .aac, configuration: audio.configuration).audio == audio.audio)
    }

    @Test func framesHaveTheTimesOfTheFile() throws {
        let clips = try Clips()
        let source = try clips.make("source.mp4", video: Encoders.h264, audio: nil)
        let demuxer = try Demuxer(path: source)
        let track = try #require(demuxer.tracks.first)
        var frames: [EncodedFrame] = []
        let packet = try Packet()
        while try demuxer.read(into: packet) {
            let frame = packet.frame(of: track, timescale: demuxer.streams[0].timescale)
            frames.append(try #require(frame))
        }
        #expect(frames.count == 50)
        #expect(frames.filter(\.isKeyframe).count == 2)
        #expect(zip(frames, frames.dropFirst()).allSatisfy { $0.decodeTime < $1.decodeTime })
        let shown = frames.map(\.presentationTime.microseconds).sorted()
        #expect(shown.first == 0)
        #expect(shown.last == Int64(1_960_000))
    }

    @Test func aMissingFileIsCalledMissing() throws {
        let failure = try #require(throws: AVFailure.self) { _ = try Demuxer(path: "/nonexistent/clip.mp4") }
        #expect(failure.cause == .noSuchFile)
        #expect(failure.operation == "open input")
        #expect(failure.description.contains("No such file"))
    }

    @Test func garbageIsInvalidData() throws {
        let clips = try Clips()
        let path = clips.path("garbage.mp4")
        try Data((0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 7919) }).write(to: URL(fileURLWithPath: path))
        let failure = try #require(throws: AVFailure.self) { _ = try Demuxer(path: path) }
        #expect(failure.cause == .invalidData)
    }

    @Test func aFileCannotMakeUsOpenAnotherProtocol() throws {
        let clips = try Clips()
        let path = clips.path("list.m3u8")
        try Data("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n".utf8).write(to: URL(fileURLWithPath: path))
        #expect(throws: AVFailure.self) { _ = try Demuxer(path: path, format: "hls") }
    }

    @Test func aCancelledReadSaysSo() throws {
        let clips = try Clips()
        let interrupt = Interrupt()
        let demuxer = try Demuxer(path: try clips.make("source.mp4", video: nil, audio: Encoders.aac), interrupt: interrupt)
        let packet = try Packet()
        #expect(try demuxer.read(into: packet))
        interrupt.cancel()
        let failure = try #require(throws: AVFailure.self) { _ = try demuxer.read(into: packet) }
        #expect(failure.cause == .cancelled)
    }

    @Test func aDeadlineThatHasPassedSaysSo() throws {
        let clips = try Clips()
        let path = try clips.make("source.mp4", video: nil, audio: Encoders.aac)
        let interrupt = Interrupt()
        interrupt.arm(within: .zero)
        let failure = try #require(throws: AVFailure.self) { _ = try Demuxer(path: path, interrupt: interrupt) }
        #expect(failure.cause == .timedOut)
        interrupt.disarm()
        _ = try Demuxer(path: path, interrupt: interrupt)
    }

    @Test func aProbeTellsDurationAndStreams() throws {
        let clips = try Clips()
        let probe = try MediaProbe(path: try clips.make("source.mp4", seconds: 3, video: Encoders.h264, audio: Encoders.aac))
        #expect(probe.streamCount == 2)
        #expect(probe.tracks.map(\.codec) == [.h264, .aac])
        #expect(abs((try #require(probe.duration)).seconds - 3) < 0.05)
        #expect(probe.formatName.contains("mp4"))
    }
}
