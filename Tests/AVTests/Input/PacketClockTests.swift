import Media
import NIOCore
import Testing

@testable import AV

@Suite struct PacketClockTests {
    /// FFmpeg's value for times that are not known.
    static let unknown = Int64.min

    static func packet(_ presentation: Int64, _ decode: Int64, duration: Int64 = 0) throws -> Packet {
        try Packet(
            payload: ByteBuffer(), streamIndex: 0, decodeTime: decode, presentationTime: presentation, duration: duration, isKeyframe: true)
    }

    @Test func timesAreMicrosecondsOfTheContainersClock() throws {
        var clock = PacketClock(numerator: 1001, denominator: 30_000)
        let (decode, offset) = clock.stamp(try Self.packet(4, 3))
        #expect(decode == MediaTime(microseconds: 100_100))
        #expect(decode + offset == MediaTime(microseconds: 133_467))
    }

    @Test func timesBeyondAllReasonAreNoTimes() throws {
        let absurd = Int64.max - 1
        var clock = PacketClock(numerator: 1, denominator: 1, usualStep: MediaTime(milliseconds: 40), reordering: 16)
        #expect(clock.stamp(try Self.packet(absurd, absurd, duration: absurd)).decode == .zero)
        #expect(clock.stamp(try Self.packet(-absurd, -absurd, duration: absurd)).decode == MediaTime(milliseconds: 40))
        #expect(clock.stamp(try Self.packet(1 << 40, Self.unknown)).decode == MediaTime(milliseconds: 80))
    }

    @Test func picturesBeforeTheFirstDecodeTimeAreAStepApart() throws {
        // As Matroska gives them with two B-frames: the first decode time comes with the third picture.
        var clock = PacketClock(numerator: 1, denominator: 1000, usualStep: MediaTime(milliseconds: 40), reordering: 2)
        var times: [Int64] = []
        for (presentation, decode) in [(7, Self.unknown), (127, Self.unknown), (47, 7), (87, 47)] as [(Int64, Int64)] {
            let (time, offset) = clock.stamp(try Self.packet(presentation, decode))
            times.append(time.milliseconds)
            #expect((time + offset).milliseconds == presentation)
        }
        #expect(times == [-73, -33, 7, 47])
    }

    @Test func withoutReorderingTheTimeToShowIsTheTimeToDecode() throws {
        var clock = PacketClock(numerator: 1, denominator: 90_000, usualStep: MediaTime(milliseconds: 40))
        for ticks in [0, 3600, 7200] as [Int64] {
            let (decode, offset) = clock.stamp(try Self.packet(ticks, Self.unknown))
            #expect(decode == MediaTime(milliseconds: ticks / 90))
            #expect(offset == .zero)
        }
        #expect(clock.stamp(try Self.packet(Self.unknown, Self.unknown, duration: 1800)).decode == MediaTime(milliseconds: 100))
        #expect(clock.stamp(try Self.packet(Self.unknown, Self.unknown)).decode == MediaTime(milliseconds: 140))
    }
}
