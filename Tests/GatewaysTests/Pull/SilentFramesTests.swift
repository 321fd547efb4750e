import Media
import NIOCore
import TestSupport
import Testing

@testable import Gateways

@Suite struct SilentFramesTests {
    private func aac(_ configuration: [UInt8], channels: Int, rate: Int = 48_000) -> Track {
        Track(
            id: .audio, codec: .aac, configuration: configuration,
            format: .audio(AudioFormat(sampleRate: rate, channelCount: channels, samplesPerPacket: 1024)))
    }

    @Test func silenceIsAsDenseAsSound() throws {
        var silence = try #require(SilentFrames(track: Frames.audio, from: MediaTime(milliseconds: 5_000)))
        var times: [MediaTime] = []
        while let frame = silence.next(before: MediaTime(milliseconds: 15_000)) {
            #expect(frame.track == .audio)
            #expect(frame.isKeyframe)
            times.append(frame.decodeTime)
        }
        #expect(times.count == 431, "ten seconds at 44.1 kHz, 1024 samples each")
        #expect(times.first == MediaTime(milliseconds: 5_000))
        for (index, time) in times.enumerated() {
            #expect(time == MediaTime(milliseconds: 5_000) + MediaTime(ticks: Int64(index) * 1024, timescale: 44_100))
        }
    }

    @Test func nothingComesBeforeItsTime() throws {
        var silence = try #require(SilentFrames(track: Frames.audio, from: MediaTime(milliseconds: 100)))
        #expect(silence.next(before: MediaTime(milliseconds: 100)) == nil)
        #expect(silence.next(before: MediaTime(microseconds: 100_001)) != nil)
    }

    @Test func codecsWhoseSilenceIsNotKnownHaveNone() {
        #expect(SilentFrames(track: Frames.video, from: .zero) == nil)
        #expect(SilentFrames(track: self.aac([0x11, 0xb0], channels: 6), from: .zero) == nil)
        // HE-AAC: object type 5.
        #expect(SilentFrames(track: self.aac([0x2b, 0x92, 0x08, 0x00], channels: 2), from: .zero) == nil)
        #expect(SilentFrames(track: self.aac([], channels: 2), from: .zero) == nil)
        #expect(SilentFrames(track: self.aac([0x11, 0x90], channels: 2, rate: 0), from: .zero) == nil)
    }

    /// What the bytes are is left to a decoder: every sample of theirs is zero.
    @Test(arguments: [1, 2]) func aDecoderHearsNothing(channels: Int) async throws {
        let track = self.aac(channels == 1 ? [0x11, 0x88] : [0x11, 0x90], channels: channels)
        var silence = try #require(SilentFrames(track: track, from: .zero))
        var stream: [UInt8] = []
        while let frame = silence.next(before: MediaTime(milliseconds: 1_000)) {
            let size = frame.payload.readableBytes + 7
            // ADTS (ISO/IEC 14496-3 §1.A.2.2): AAC-LC, 48 kHz, no CRC.
            stream += [0xff, 0xf1, 0x4c, UInt8(channels << 6 | size >> 11), UInt8(size >> 3 & 0xff), UInt8((size & 7) << 5 | 0x1f), 0xfc]
            stream += Array(buffer: frame.payload)
        }
        let folder = try PullFiles()
        try folder.write(stream, to: "silence.aac")
        try await folder.ffmpeg(["-xerror", "-f", "aac", "-i", "silence.aac", "-f", "s16le", "silence.pcm"])
        let samples = try folder.read("silence.pcm")
        #expect(samples.count == 47 * 1024 * 2 * channels)
        #expect(samples.allSatisfy { $0 == 0 })
    }

    @Test(arguments: [1, 2]) func opusSilenceLastsTwentyMilliseconds(channels: Int) throws {
        let track = Track(
            id: .audio, codec: .opus, configuration: [], format: .audio(AudioFormat(sampleRate: 48_000, channelCount: channels)))
        var silence = try #require(SilentFrames(track: track, from: .zero))
        #expect(silence.next(before: MediaTime(milliseconds: 100))?.decodeTime == .zero)
        #expect(silence.next(before: MediaTime(milliseconds: 100))?.decodeTime == MediaTime(milliseconds: 20))
    }
}
