import AV
import Foundation
import Media
import NIOCore
import TestSupport
import Testing

@testable import Outputs

@Suite struct SilentTrackTests {
    private func aac(_ configuration: [UInt8]) throws -> Track { try Track(id: .audio, codec: .aac, configuration: configuration) }

    private func packets(_ silence: inout SilentTrack, upTo milliseconds: Int64) -> [EncodedFrame] {
        var found: [EncodedFrame] = []
        while let frame = silence.next(upTo: MediaTime(milliseconds: milliseconds)) { found.append(frame) }
        return found
    }

    /// 44.1 kHz mono, 44.1 kHz stereo, 48 kHz stereo: as an ffmpeg decodes them, there is the right sound, and it is silent.
    @Test(arguments: [[0x12, 0x08], [0x12, 0x10], [0x11, 0x90]] as [[UInt8]]) func silenceOfTheStreamsOwnFormDecodes(configuration: [UInt8]) throws {
        let track = try self.aac(configuration)
        var silence = SilentTrack(for: track)
        #expect(silence.track == track, "the peer is told of no other sound")
        silence.begin(at: .zero)
        let folder = try TestFolder("silence")
        let path = folder.path("silence.mp4")
        let muxer = try Muxer(format: "mp4", tracks: [track], sink: FileSink(path: path, creation: .replacing))
        let rate = UInt32(try #require(track.audio?.sampleRate))
        let packets = self.packets(&silence, upTo: 2_000)
        for frame in packets {
            let time = frame.decodeTime.ticks(timescale: rate)
            try muxer.write(
                Packet(payload: frame.payload, streamIndex: 0, decodeTime: time, presentationTime: time, duration: 1_024, isKeyframe: true))
        }
        try muxer.finish()
        let raw = folder.path("silence.raw")
        #expect(try Tool.output(of: "ffmpeg", ["-v", "error", "-y", "-i", path, "-f", "s16le", raw]) == "")
        let samples = try Data(contentsOf: URL(fileURLWithPath: raw))
        let channels = try #require(track.audio?.channelCount)
        #expect(samples.count == packets.count * 1_024 * channels * 2)
        #expect(samples.allSatisfy { $0 == 0 })
    }

    @Test func timesAreCountedInSamples() throws {
        var silence = SilentTrack(for: try self.aac([0x12, 0x10]))
        silence.begin(at: MediaTime(milliseconds: 500))
        let packets = self.packets(&silence, upTo: 600_500)
        #expect(packets.count == 600 * 44_100 / 1_024)
        let last = try #require(packets.last)
        #expect(abs(last.decodeTime.microseconds - 500_000 - Int64(packets.count - 1) * 1_024 * 1_000_000 / 44_100) <= 1)
        silence.begin(at: .zero)
        #expect(self.packets(&silence, upTo: 23).isEmpty && self.packets(&silence, upTo: 24).count == 1, "only what ends by then")
    }

    /// HE-AAC, six channels, channels told elsewhere, and what is no AAC.
    @Test func otherSoundIsReplacedBySilenceOfTheUsualForm() throws {
        var tracks = try [[0x2B, 0x92, 0x08, 0x00], [0x11, 0xB0], [0x11, 0x80]].map { try self.aac($0) }
        tracks.append(Track(id: .audio, codec: .mp3, configuration: [], format: .audio(AudioFormat(sampleRate: 44_100, channelCount: 2))))
        tracks.append(
            Track(id: TrackID(rawValue: 4), codec: .aac, configuration: [1], format: .audio(AudioFormat(sampleRate: 0, channelCount: 0))))
        for track in tracks {
            let silence = SilentTrack(for: track)
            #expect(silence.track.configuration == SilentSound.track.configuration && silence.track.codec == .aac)
            #expect(silence.track.id == track.id)
        }
    }
}
