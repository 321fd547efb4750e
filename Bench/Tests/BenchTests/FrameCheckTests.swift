import Testing

@testable import Bench

@Suite struct FrameCheckTests {
    /// Ten frames 40 ms apart, every fifth a keyframe, an audio message after each.
    static func log() -> PublishLog {
        let log = PublishLog()
        for frame in 0..<10 {
            log.video(timestamp: UInt32(frame * 40), at: UInt64(frame) * 40_000_000)
            log.audio(timestamp: UInt32(frame * 40 + 20))
        }
        return log
    }

    /// Plays frames to a check, with the audio that follows each, except for what is left out.
    static func play(_ frames: Range<Int>, withoutVideo: Set<Int> = [], withoutAudio: Set<Int> = [], shift: Int = 0) -> FrameCheck {
        var check = FrameCheck(log: Self.log())
        check.recordsSince = 0
        for frame in frames {
            let timestamp = UInt32(truncatingIfNeeded: frame * 40 + shift)
            if !withoutVideo.contains(frame) {
                check.video(frame, isKeyframe: frame % 5 == 0, timestamp: timestamp, at: UInt64(frame) * 40_000_000 + 3_000_000)
            }
            if !withoutAudio.contains(frame) { check.audio(timestamp: timestamp &+ 20) }
        }
        check.finish(video: 10, audio: 10)
        return check
    }

    @Test(arguments: [0, 1, 5]) func nothingIsMissedByAPlayerThatGotAllSinceAKeyframe(first: Int) {
        let check = Self.play(first..<10)
        #expect(check.missingVideo == 0)
        #expect(check.missingAudio == 0)
        #expect(check.strange == 0)
        #expect(check.firstKeyframeAt == (first == 0 ? 3_000_000 : 203_000_000))
    }

    @Test func aMissingFrameIsCounted() {
        #expect(Self.play(0..<10, withoutVideo: [3, 7]).missingVideo == 2)
        #expect(Self.play(0..<10, withoutVideo: [9]).missingVideo == 1)
    }

    @Test func aMissingAudioMessageIsCounted() {
        #expect(Self.play(0..<10, withoutAudio: [0, 4]).missingAudio == 2)
        #expect(Self.play(0..<10, withoutAudio: [8, 9]).missingAudio == 2)
    }

    @Test(arguments: [-360, 5000, -70_000]) func aServerMayCountFromElsewhere(shift: Int) {
        let check = Self.play(0..<10, shift: shift)
        #expect(check.missingVideo + check.missingAudio + check.strange == 0)
    }

    @Test func whatMovesAgainstTheRestIsStrange() {
        var check = Self.play(0..<5)
        check.video(9, isKeyframe: false, timestamp: 9 * 40 + 10, at: 400_000_000)
        check.audio(timestamp: 7)
        check.video(9, isKeyframe: false, timestamp: 9 * 40, at: 400_000_000)
        check.video(nil, isKeyframe: false, timestamp: 0, at: 400_000_000)
        #expect(check.strange == 4)
    }

    @Test func latencyIsFromSendToReceiptOfFramesSentSinceTheMark() {
        var check = FrameCheck(log: Self.log())
        check.recordsSince = 80_000_000
        for frame in 0..<4 { check.video(frame, isKeyframe: frame == 0, timestamp: UInt32(frame * 40), at: UInt64(frame) * 40_000_000 + 5_000_000) }
        #expect(check.latencies == [5_000_000, 5_000_000])
    }

    @Test(arguments: [0, 1, 0xABCDEF, 0xFFFF_FFFF]) func aFrameNumberIsReadBackFromItsMark(number: Int) {
        var frame: [UInt8] = [0x17, 1, 0, 0, 0] + FrameMark.unit + [0, 0, 0, 1, 0x65]
        frame.withUnsafeMutableBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            FrameMark.write(number, to: base + 5 + FrameMark.digitsOffset)
        }
        #expect(frame.withUnsafeBytes { FrameMark.read($0) } == number)
        #expect(frame.dropFirst(30).withUnsafeBytes { FrameMark.read($0) } == nil)
    }
}
