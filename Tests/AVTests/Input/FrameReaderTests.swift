import AV
import Foundation
import Media
import NIOCore
import Testing

@Suite struct FrameReaderTests {
    struct Source: Sendable, CustomStringConvertible {
        var container: String
        var video: [String]?
        var audio: [String]?
        var codecs: [Codec]
        var extra: [String] = []
        var description: String { "\(self.container) \(self.codecs.map(\.rawValue).joined(separator: "+"))" }
    }

    static let sources = [
        Source(container: "mp4", video: Encoders.h264, audio: Encoders.aac, codecs: [.h264, .aac]),
        Source(container: "ts", video: Encoders.h264, audio: Encoders.aac, codecs: [.h264, .aac]),
        Source(container: "ts", video: Encoders.h264WithoutBFrames, audio: Encoders.mp3, codecs: [.h264, .mp3]),
        Source(container: "flv", video: Encoders.h264, audio: Encoders.aac, codecs: [.h264, .aac]),
        Source(container: "mkv", video: Encoders.h264, audio: Encoders.opus, codecs: [.h264, .opus]),
        Source(
            container: "m3u8", video: Encoders.h264, audio: Encoders.aac, codecs: [.h264, .aac], extra: ["-hls_time", "1", "-hls_list_size", "0"]),
        Source(
            container: "m3u8", video: Encoders.h264, audio: Encoders.aac, codecs: [.h264, .aac],
            extra: ["-hls_time", "1", "-hls_list_size", "0", "-hls_segment_type", "fmp4"]),
        Source(container: "mp4", video: Encoders.hevc, audio: Encoders.aac, codecs: [.hevc, .aac]),
        Source(container: "ts", video: Encoders.hevc, audio: Encoders.aac, codecs: [.hevc, .aac]),
        Source(container: "mkv", video: Encoders.vp8, audio: Encoders.opus, codecs: [.vp8, .opus]),
        Source(container: "webm", video: Encoders.vp9, audio: Encoders.opus, codecs: [.vp9, .opus]),
        Source(container: "mkv", video: Encoders.av1, audio: Encoders.opus, codecs: [.av1, .opus]),
        Source(container: "ivf", video: Encoders.av1, audio: nil, codecs: [.av1]),
        Source(container: "ts", video: Encoders.h264, audio: Encoders.opus, codecs: [.h264, .opus]),
        Source(container: "ogg", video: nil, audio: Encoders.opus, codecs: [.opus]),
        Source(container: "mp3", video: nil, audio: Encoders.mp3, codecs: [.mp3]),
        Source(container: "aac", video: nil, audio: Encoders.aac, codecs: [.aac]),
        Source(container: "ts", video: Encoders.h264, audio: nil, codecs: [.h264]),
    ]

    @Test(arguments: sources) func everyPacketBecomesAFrameWithItsTimes(source: Source) throws {
        let clips = try Clips()
        let path = try clips.clip("source.\(source.container)", video: source.video, audio: source.audio, extra: source.extra)
        let reading = try Self.read(path)
        #expect(reading.announcements.count == 1)
        #expect(reading.announcedAfter == [0])
        #expect(reading.tracks.map(\.codec) == source.codecs)
        #expect(reading.tracks.map(\.id) == source.codecs.map { $0.kind == .video ? .video : .audio })
        #expect(reading.skipped == 0)
        for kind in Set(source.codecs.map(\.kind)) {
            let frames = reading.frames.filter { $0.kind == kind }
            let expected = try ProbedPacket.all(path, kind == .video ? "v:0" : "a:0")
            #expect(frames.count == expected.count)
            for (frame, packet) in zip(frames, expected) {
                if let presentation = packet.presentation { #expect(abs(frame.presentationTime.seconds - presentation) < 0.000_002) }
                if let decode = packet.decode { #expect(abs(frame.decodeTime.seconds - decode) < 0.000_002) }
                #expect(frame.isKeyframe == (kind == .audio || packet.isKeyframe))
            }
        }
        if source.codecs.contains(where: { $0.kind == .video }) { #expect(reading.video.count == 50) }
    }

    /// What FFmpeg's own muxer makes of the same packets is the measure for the records.
    @Test(arguments: sources.filter { !["mp3", "ogg"].contains($0.container) && $0.codecs.first != .vp8 })
    func theTracksRecordsAreThoseThatAnMP4Carries(source: Source) throws {
        let clips = try Clips()
        let path = try clips.clip("source.\(source.container)", video: source.video, audio: source.audio, extra: source.extra)
        let reading = try Self.read(path)
        let remuxed = clips.path("remuxed.mp4")
        let copy = source.codecs.contains(.aac) ? ["-bsf:a", "aac_adtstoasc"] : []
        try Clips.run("ffmpeg", ["-v", "error", "-i", path, "-c", "copy"] + (path.hasSuffix("mp4") || path.hasSuffix("flv") ? [] : copy) + [remuxed])
        let expected = try Demuxer(path: remuxed).tracks
        #expect(expected.count == reading.tracks.count)
        for (track, other) in zip(reading.tracks, expected) {
            #expect(track.codec == other.codec)
            switch track.codec {
            case .opus:
                // Version, pre-skip and gain are each container's own business.
                #expect(try OpusHead(bytes: track.configuration).channelCount == OpusHead(bytes: other.configuration).channelCount)
            case .aac:
                // The muxer adds an explicit statement that there is no SBR.
                #expect(try AudioSpecificConfig(bytes: track.configuration) == AudioSpecificConfig(bytes: other.configuration))
                #expect(track.configuration.prefix(2) == other.configuration.prefix(2))
            case .hevc:
                // FFmpeg also states the spatial segmentation of the VUI and lists the arrays that encoders do not complete.
                let (ours, theirs) = (try HEVCConfiguration(record: track.configuration), try HEVCConfiguration(record: other.configuration))
                #expect(ours == theirs)
            case .vp9:
                // The level is the picture's, where FFmpeg leaves it open.
                #expect(track.configuration.first == other.configuration.first)
                #expect(track.configuration.dropFirst(2) == other.configuration.dropFirst(2))
            case .h264, .av1, .vp8, .mp3, .vorbis:
                #expect(track.configuration == other.configuration)
            }
            if let video = track.video {
                #expect(video.width == 160)
                #expect(video.height == 90)
            }
        }
    }

    @Test(arguments: sources) func whatComesOutDecodesWithoutAnError(source: Source) throws {
        guard source.codecs.first != .vp8 else { return }
        let clips = try Clips()
        let path = try clips.clip("source.\(source.container)", video: source.video, audio: source.audio, extra: source.extra)
        let reading = try Self.read(path)
        let target = clips.path("target.mp4")
        try reading.write(target)
        #expect(try Clips.decodingErrors(target) == "")
    }

    @Test func nalUnitsHaveFourByteLengthsAndNoParameterSetsOrDelimiters() throws {
        let clips = try Clips()
        for (name, codec, encoder) in [("a.ts", Codec.h264, Encoders.h264), ("b.ts", .hevc, Encoders.hevc)] {
            let path = try clips.clip(name, video: encoder, audio: nil)
            let reading = try Reading(path)
            for frame in reading.video {
                var reader = NALUnitReader(frame.payload)
                var types: [UInt8] = []
                while let unit = try reader.next() {
                    let header = try #require(unit.getInteger(at: unit.readerIndex, as: UInt8.self))
                    types.append(codec == .hevc ? header >> 1 & 0x3F : header & 0x1F)
                }
                #expect(!types.isEmpty)
                #expect(types.allSatisfy { codec == .hevc ? ![32, 33, 34, 35, 38].contains($0) : ![7, 8, 9, 12].contains($0) })
                #expect(try NALAccessUnit.isKeyframe(frame.payload, codec: codec) == frame.isKeyframe)
            }
        }
    }

    @Test func adtsHeadersAreTakenOff() throws {
        let clips = try Clips()
        let path = try clips.clip("source.ts", video: nil, audio: Encoders.aac + ["-ac", "2"])
        let plain = clips.path("plain.mp4")
        try Clips.run("ffmpeg", ["-v", "error", "-i", path, "-c", "copy", "-bsf:a", "aac_adtstoasc", plain])
        let reading = try Reading(path)
        let expected = try Reading(plain)
        #expect(reading.audio.map(\.payload) == expected.audio.map(\.payload))
        #expect(try reading.track(.audio).configuration == [0x11, 0x90])
        #expect(try reading.track(.audio).audio == AudioFormat(sampleRate: 48_000, channelCount: 2, samplesPerPacket: 1024))
    }

    @Test func newParameterSetsInMidStreamAreANewTrackBeforeTheirKeyframe() throws {
        let clips = try Clips()
        let one = try clips.clip("one.ts", video: Encoders.h264, audio: Encoders.aac)
        let two = try clips.clip("two.ts", video: Encoders.h264, audio: Encoders.aac, size: "320x180", extra: ["-output_ts_offset", "2"])
        let joined = clips.path("joined.ts")
        try Self.join(one, two, into: joined)
        let reading = try Reading(joined)
        #expect(reading.announcements.map { $0.first?.video?.width } == [160, 320])
        let place = try #require(reading.announcedAfter.last)
        let first = try #require(reading.frames[place...].first)
        #expect(first.kind == .video)
        #expect(first.isKeyframe)
        #expect(reading.video.count == 100)
        #expect(reading.frames[..<place].filter { $0.kind == .video }.count == 50)
    }

    /// FFmpeg keeps the codec that a transport stream announced first for a stream, so this is an end: whoever opens it again finds the new one.
    @Test func anotherCodecUnderTheSameNumberIsAFailureAndNoGarbage() throws {
        let clips = try Clips()
        let h264 = try clips.clip("h264.ts", seconds: 6, video: Encoders.h264, audio: Encoders.aac)
        let hevc = try clips.clip("hevc.ts", seconds: 6, video: Encoders.hevc, audio: Encoders.aac, extra: ["-output_ts_offset", "2"])
        for (one, two) in [(h264, hevc), (hevc, h264)] {
            let joined = clips.path("joined.ts")
            try Self.join(one, two, into: joined)
            let reader = try FrameReader(Demuxer(path: joined, options: ["probesize": "30000"]))
            var pictures = 0
            let failure = try #require(throws: AVFailure.self) {
                while let item = try reader.next() {
                    if case .frame(let frame) = item, frame.kind == .video { pictures += 1 }
                }
            }
            #expect(failure.cause == .invalidData)
            #expect((145...155).contains(pictures), "\(one)")
        }
    }

    @Test func streamsUnderOtherNumbersTakeThePlaceOfThoseThatEnded() throws {
        let clips = try Clips()
        let one = try clips.clip("one.ts", video: Encoders.h264, audio: Encoders.aac)
        let two = try clips.clip(
            "two.ts", seconds: 4, video: Encoders.hevc, audio: Encoders.mp3, extra: ["-output_ts_offset", "2", "-mpegts_start_pid", "0x300"])
        let joined = clips.path("joined.ts")
        try Self.join(one, two, into: joined)
        // A peer's stream, because in a file FFmpeg looks at the end as well.
        let listener = try LoopbackListener()
        let bytes = try Data(contentsOf: URL(fileURLWithPath: joined))
        listener.answerOnce(Data("HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\nConnection: close\r\n\r\n".utf8) + bytes)
        let request = InputRequest(url: "http://127.0.0.1:\(listener.port)/a.ts", protocols: ["http", "tcp"], probeBytes: 30_000)
        let reading = try Reading(FrameReader(Demuxer(request, interrupt: Interrupt())))
        #expect(reading.tracks.map(\.codec) == [.h264, .aac])
        #expect(try #require(reading.announcements.last).map(\.codec) == [.hevc, .mp3])
        // The new ones are believed after a second, and then wait for a keyframe.
        #expect(reading.video.count >= 50 + 50)
        for kind in [MediaKind.video, .audio] {
            #expect(try #require(reading.frames.last { $0.kind == kind }).decodeTime.seconds > 6)
        }
    }

    static func join(_ one: String, _ two: String, into path: String) throws {
        var bytes = try Data(contentsOf: URL(fileURLWithPath: one))
        bytes.append(try Data(contentsOf: URL(fileURLWithPath: two)))
        try bytes.write(to: URL(fileURLWithPath: path))
    }

    @Test func whatAppearsInTheMiddleOfAGroupStartsAtTheNextKeyframe() throws {
        let clips = try Clips()
        let whole = try clips.clip("whole.ts", seconds: 3, video: Encoders.h264WithoutBFrames, audio: Encoders.aac)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: whole))
        // From the middle of the first group of pictures on; tables come again with the next keyframe.
        let path = clips.path("late.ts")
        try Data(bytes[(bytes.count / 6 / 188 * 188)...]).write(to: URL(fileURLWithPath: path))
        let reading = try Reading(path)
        let first = try #require(reading.video.first)
        #expect(first.isKeyframe)
        #expect(reading.tracks.map(\.codec) == [.h264, .aac])
        let sound = try #require(reading.audio.first)
        #expect(sound.decodeTime + MediaTime(milliseconds: 100) >= first.decodeTime)
    }

    @Test func picturesWithoutAKeyframeAreNotWaitedForForever() throws {
        let clips = try Clips()
        let encoder = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", "5000", "-pix_fmt", "yuv420p"]
        let whole = try clips.clip("whole.ts", seconds: 100, video: encoder + ["-x264-params", "keyint=infinite"], audio: nil, size: "32x32")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: whole))
        let path = clips.path("late.ts")
        try Data(bytes[(bytes.count / 10 / 188 * 188)...]).write(to: URL(fileURLWithPath: path))
        let failure = try #require(throws: AVFailure.self) { _ = try Reading(path) }
        #expect(failure.text.contains("no keyframe in 1800"))
    }

    @Test func soundAndPicturesKeepTheirOffset() throws {
        let clips = try Clips()
        let path = clips.path("late.mp4")
        try Clips.run(
            "ffmpeg",
            [
                "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=2", "-itsoffset", "0.5", "-f", "lavfi", "-i",
                "sine=sample_rate=48000:duration=1.5",
            ] + Encoders.h264 + Encoders.aac + [path])
        let reading = try Reading(path)
        let picture = try #require(reading.video.map(\.presentationTime).min())
        let sound = try #require(reading.audio.first).presentationTime
        // FFmpeg's encoder puts one frame of priming before the sound.
        #expect(abs((sound - picture).seconds - 0.5 + 1024.0 / 48_000) < 0.002)
    }

    @Test func ofSeveralStreamsTheLargestPictureAndThePassingSoundAreTaken() throws {
        let clips = try Clips()
        let path = clips.path("many.mkv")
        try Clips.run(
            "ffmpeg",
            [
                "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=1", "-f", "lavfi", "-i",
                "testsrc2=size=320x180:rate=25:duration=1", "-f", "lavfi", "-i", "sine=sample_rate=48000:duration=1", "-map", "0", "-map", "1",
                "-map",
                "2", "-map", "2", "-c:v", "libx264", "-preset", "ultrafast", "-c:a:0", "pcm_s16le", "-c:a:1", "aac", "-disposition:a:0", "0",
                "-disposition:a:1", "0", path,
            ])
        let reading = try Reading(path)
        #expect(try reading.track(.video).video?.width == 320)
        #expect(try reading.track(.audio).codec == .aac)
        #expect(reading.video.count == 25)
    }

    @Test func halfOfAnInputCanBeLeftOut() throws {
        let clips = try Clips()
        let path = try clips.clip("source.mp4", video: Encoders.h264, audio: Encoders.aac)
        #expect(try Reading(path, options: .init(audio: false)).tracks.map(\.kind) == [.video])
        #expect(try Reading(path, options: .init(video: false)).tracks.map(\.kind) == [.audio])
        let failure = try #require(throws: AVFailure.self) { _ = try Reading(path, options: .init(video: false, audio: false)) }
        #expect(failure.cause == .unsupported)
    }

    @Test func anInputWithNothingToCarryIsRefused() throws {
        let clips = try Clips()
        let path = try clips.clip("source.wav", video: nil, audio: Encoders.pcm)
        let failure = try #require(throws: AVFailure.self) { _ = try Reading(path, options: .init(transcodesAudio: false)) }
        #expect(failure.cause == .unsupported)
        #expect(failure.text.contains("neither video nor audio"))
    }

    @Test func aFileCutShortPlaysToTheCut() throws {
        let clips = try Clips()
        let path = try clips.clip("source.ts", video: Encoders.h264, audio: Encoders.aac)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        try bytes.prefix(bytes.count / 2).write(to: URL(fileURLWithPath: path))
        let reading = try Reading(path)
        #expect(reading.video.count > 10)
        #expect(reading.video.count < 45)
    }

    static func read(_ path: String) throws -> Reading { try Reading(path) }
}
