import Media
import NIOCore
import Streams
import Testing

@testable import Outputs

@Suite struct PlatformPresetTests {
    @Test(arguments: [
        ("rtmps://a.rtmps.youtube.com:443/live2/key", "youtube"), ("rtmp://A.RTMP.YouTube.com/live2/key", "youtube"),
        ("rtmps://live-api-s.facebook.com:443/rtmp/FB-1?s_bl=1", "facebook"), ("rtmp://live-fra.twitch.tv/app/key", "twitch"),
        ("rtmps://ingest.global-contribute.live-video.net:443/app/key", "twitch"), ("rtmp://euc10.contribute.live-video.net/app/key", "twitch"),
        ("rtmps://fa723fc1b171.global-contribute.live-video.net/app/sk", "kick"),
        ("rtmps://0123456789ab.global-contribute.live-video.net:443/app/sk", "ivs"), ("rtmps://rtmp-global.cloud.vimeo.com:443/live/key", "vimeo"),
        ("rtmp://va.pscp.tv:80/x/key", "x"), ("rtmps://global-live.mux.com:443/app/key", "mux"),
    ]) func aPlatformIsKnownByItsHost(url: String, id: String) {
        #expect(PlatformPreset.of(url: url)?.id == id)
    }

    @Test(arguments: [
        "rtmp://127.0.0.1/live/key", "rtmp://nottwitch.tv/app/key", "rtmp://youtube.com.example.org/live2/key", "http://a.rtmp.youtube.com/live2/key",
        "srt://a.rtmp.youtube.com:9000", "",
    ]) func othersAreNone(url: String) {
        #expect(PlatformPreset.of(url: url) == nil)
    }

    @Test func everyPresetIsFoundByItsOwnURLsAndSaysWhatItNeeds() {
        #expect(Set(PlatformPreset.all.map(\.id)).count == PlatformPreset.all.count)
        for preset in PlatformPreset.all {
            for url in preset.urls {
                #expect(PlatformPreset.of(url: url + "/key")?.id == preset.id, "\(url)")
                #expect(Destination.validate(url: url + "/key") == nil, "\(url)")
            }
            #expect(preset.keyframeInterval > 0 && preset.longestKeyframeInterval >= preset.keyframeInterval)
            #expect(preset.videoBitrate >= 1_000_000 && preset.audioBitrate >= 96_000)
            #expect(preset.videoCodecs.contains(.h264) && preset.audioCodecs.contains(.aac) && !preset.hosts.isEmpty)
        }
    }
}

@Suite struct DestinationWarningTests {
    private let preset = PlatformPreset(
        id: "x", name: "Example", urls: [], hosts: ["example.org"], longestKeyframeInterval: 4, videoBitrate: 1_000_000, audioBitrate: 100_000,
        allowsBFrames: false)

    /// The numbers of a stream of ten seconds with a keyframe every `group` pictures, 25 a second.
    private func snapshot(
        group: Int = 50, pictureBytes: Int = 1_000, soundBytes: Int = 200, hasSound: Bool = true, reorders: Bool = false,
        video: Track = TestPublisher.videoTrack, audio: Track = TestPublisher.audioTrack
    ) throws -> StreamSnapshot {
        let start = NIODeadline.now()
        let source = PublishSource(type: .rtmp, remoteAddress: "127.0.0.1", startedAtMilliseconds: 0, stop: { _ in })
        let publisher = try StreamDirectory().publish(StreamKey("show"), source: source, now: start).get()
        publisher.expect(video: true, audio: hasSound)
        publisher.announce(video)
        if hasSound { publisher.announce(audio) }
        for number in 0..<250 {
            let now = start + .milliseconds(Int64(number) * 40)
            let time = MediaTime(milliseconds: Int64(number) * 40)
            let offset = MediaTime(milliseconds: reorders && number % 2 == 1 ? 80 : 40)
            publisher.publish(
                EncodedFrame(
                    track: .video, kind: .video, isKeyframe: number % group == 0, decodeTime: time, compositionOffset: offset,
                    payload: ByteBuffer(repeating: 1, count: pictureBytes)), now: now)
            guard hasSound else { continue }
            publisher.publish(
                EncodedFrame(
                    track: .audio, kind: .audio, isKeyframe: true, decodeTime: time, payload: ByteBuffer(repeating: 2, count: soundBytes)), now: now)
        }
        return try #require(publisher.stream.snapshot(now: start + .seconds(10)))
    }

    private func codes(_ snapshot: StreamSnapshot, hasSilence: Bool = false) -> [DestinationWarning.Code] {
        DestinationWarning.all(of: snapshot, for: self.preset, hasSilence: hasSilence).map(\.code)
    }

    @Test func aStreamWithinAllLimitsIsNotComplainedOf() throws {
        #expect(self.codes(try self.snapshot()) == [])
    }

    @Test func whatIsBeyondALimitIsToldWithItsNumbers() throws {
        let warnings = DestinationWarning.all(of: try self.snapshot(group: 125), for: self.preset, hasSilence: false)
        #expect(warnings == [.init(code: .keyframeInterval, message: "a keyframe every 5 s; Example wants one every 2 s")])
        #expect(self.codes(try self.snapshot(pictureBytes: 6_000)) == [.videoBitrate])
        #expect(self.codes(try self.snapshot(soundBytes: 700)) == [.audioBitrate])
    }

    @Test func bFramesAreNoticedByTheOrderOfTimes() throws {
        #expect(self.codes(try self.snapshot(reorders: true)) == [.bFrames])
    }

    @Test func picturesWithoutSoundAreAllRightWhereSilenceIsAdded() throws {
        let silent = try self.snapshot(hasSound: false)
        #expect(self.codes(silent) == [.noSound])
        #expect(self.codes(silent, hasSilence: true) == [])
    }

    @Test func anotherCodecIsNamed() throws {
        var track = TestPublisher.videoTrack
        track.codec = .hevc
        let warnings = DestinationWarning.all(of: try self.snapshot(video: track), for: self.preset, hasSilence: false)
        #expect(warnings.map(\.message) == ["hevc; Example takes h264"])
        var sound = TestPublisher.audioTrack
        sound.codec = .opus
        let other = DestinationWarning.all(of: try self.snapshot(audio: sound), for: self.preset, hasSilence: true)
        #expect(other == [.init(code: .audioCodec, message: "opus; Example takes aac")])
    }
}
