import Foundation
import Media
import NIOCore
import Streams
import TestSupport
import Testing

@testable import Outputs

@Suite struct SilentSoundTests {
    private func picture(_ milliseconds: Int64) -> StreamItem {
        .frame(
            EncodedFrame(
                track: .video, kind: .video, isKeyframe: milliseconds == 0, decodeTime: MediaTime(milliseconds: milliseconds),
                payload: ByteBuffer(bytes: [1])))
    }

    private func sound(_ milliseconds: Int64) -> StreamItem {
        .frame(
            EncodedFrame(
                track: .audio, kind: .audio, isKeyframe: true, decodeTime: MediaTime(milliseconds: milliseconds), payload: ByteBuffer(bytes: [2])))
    }

    private func frames(_ items: [StreamItem], _ kind: MediaKind) -> [EncodedFrame] {
        items.compactMap { item in
            if case .frame(let frame) = item, frame.kind == kind { frame } else { nil }
        }
    }

    @Test func picturesWithoutSoundGetAPacketForEveryThousandAndTwentyFourSamples() throws {
        var silence = SilentSound()
        var items: [StreamItem] = []
        silence.pass(.tracks([TestPublisher.videoTrack]), into: &items)
        for number in Int64(0)...250 { silence.pass(self.picture(number * 40), into: &items) }
        guard case .tracks(let tracks) = items[0] else { throw CancellationError() }
        #expect(tracks == [TestPublisher.videoTrack, SilentSound.track])
        let sounds = self.frames(items, .audio)
        #expect(sounds.count == 10 * 48_000 / 1_024 + 1)
        for (number, frame) in sounds.enumerated() {
            #expect(abs(frame.decodeTime.microseconds - Int64(number) * 64_000 / 3) <= 1, "the count does not drift")
        }
        #expect(self.frames(items, .video).count == 251)
    }

    /// At one picture a second as well: what is sent goes forward, and starts with the picture.
    @Test(arguments: [Int64(17), 40, 250, 1_000]) func soundAndPicturesGoOutInTheOrderOfTheirTimes(apart: Int64) throws {
        var silence = SilentSound()
        var items: [StreamItem] = []
        silence.pass(.tracks([TestPublisher.videoTrack]), into: &items)
        for number in Int64(0)..<12 { silence.pass(self.picture(number * apart), into: &items) }
        // A gap that is not filled, and on.
        for number in Int64(0)..<12 { silence.pass(self.picture(60_000 + number * apart), into: &items) }
        let frames = items.compactMap { item -> EncodedFrame? in if case .frame(let frame) = item { frame } else { nil } }
        #expect(frames.first?.kind == .video)
        let times = frames.map(\.decodeTime)
        #expect(times == times.sorted())
        #expect(frames.count { $0.kind == .audio } >= Int(22 * apart * 48 / 1_024))
    }

    @Test func aStreamWithSoundIsLeftAsItIs() {
        var silence = SilentSound()
        var items: [StreamItem] = []
        silence.pass(.tracks([TestPublisher.videoTrack, TestPublisher.audioTrack]), into: &items)
        for number in Int64(0)...50 {
            silence.pass(self.picture(number * 40), into: &items)
            silence.pass(self.sound(number * 40 + 5), into: &items)
        }
        #expect(items.count == 103)
    }

    @Test func soundThatComesAndGoesNeverStepsBack() {
        var silence = SilentSound()
        var items: [StreamItem] = []
        silence.pass(.tracks([TestPublisher.videoTrack]), into: &items)
        for number in Int64(0)..<10 { silence.pass(self.picture(number * 40), into: &items) }
        silence.pass(.tracks([TestPublisher.videoTrack, TestPublisher.audioTrack]), into: &items)
        for number in Int64(5)..<20 { silence.pass(self.sound(number * 40), into: &items) }
        silence.pass(.tracks([TestPublisher.videoTrack]), into: &items)
        for number in Int64(10)..<40 { silence.pass(self.picture(number * 40), into: &items) }
        let times = self.frames(items, .audio).map(\.decodeTime)
        #expect(times == times.sorted() && Set(times).count == times.count)
        #expect(times.last.map { $0 > MediaTime(milliseconds: 1_500) } == true)
    }

    @Test func aLongGapIsNotFilled() {
        var silence = SilentSound()
        var items: [StreamItem] = []
        silence.pass(.tracks([TestPublisher.videoTrack]), into: &items)
        silence.pass(self.picture(0), into: &items)
        silence.pass(self.picture(3_600_000), into: &items)
        #expect(self.frames(items, .audio).count == 2)
    }

    /// The packet is what it says: a decoder makes 1024 samples of zero of each.
    @Test func thePacketIsSilence() throws {
        let folder = try TestFolder("silence")
        var file = Data()
        let length = SilentSound.packet.readableBytes + 7
        for _ in 0..<20 {
            // ADTS: AAC-LC, 48 kHz, two channels (ISO/IEC 14496-3 §1.A.2.2).
            file.append(contentsOf: [0xFF, 0xF1, 0x4C, 0x80 | UInt8(length >> 11), UInt8(length >> 3 & 0xFF), UInt8(length & 7) << 5 | 0x1F, 0xFC])
            file.append(contentsOf: SilentSound.packet.readableBytesView)
        }
        try file.write(to: URL(fileURLWithPath: folder.path("in.aac")))
        try Tool.output(
            of: "ffmpeg", ["-nostdin", "-v", "error", "-xerror", "-i", folder.path("in.aac"), "-f", "s16le", folder.path("out.pcm")])
        let samples = try Data(contentsOf: URL(fileURLWithPath: folder.path("out.pcm")))
        #expect(samples.count == 20 * 1_024 * 2 * 2)
        #expect(samples.allSatisfy { $0 == 0 })
    }
}
