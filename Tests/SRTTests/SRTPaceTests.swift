import Testing

@testable import SRT

@Suite struct SRTPaceTests {
    private static let rate = 1_000_000
    private static let millisecond: UInt64 = 1_000_000

    /// Takes all it gets, in datagrams, every 20 ms. How many bytes by when, in milliseconds.
    private func take(_ bytes: Int, _ pace: inout SRTPace, from start: UInt64 = 0) -> [(time: UInt64, bytes: Int)] {
        var taken: [(time: UInt64, bytes: Int)] = []
        var sum = 0
        for time in stride(from: start, to: start + 60_000, by: 20) where sum < bytes {
            var left = pace.allowance(now: time * Self.millisecond, rate: Self.rate)
            while left > 0, sum < bytes {
                pace.sent(bytes: 1_316)
                left -= 1_316
                sum += 1_316
            }
            taken.append((time - start, sum))
        }
        return taken
    }

    @Test func aBacklogLeavesAtTwiceTheRateOfTheStream() throws {
        var pace = SRTPace()
        let taken = self.take(4_000_000, &pace)
        // At first what gathers in a quarter of a second, and then never more than twice the rate, but for a datagram.
        for (time, bytes) in taken { #expect(bytes <= 250_000 + 2 * Self.rate * Int(time) / 1_000 + 1_316) }
        let last = try #require(taken.last)
        #expect(last.bytes >= 4_000_000)
        #expect(last.time <= 1_900, "nor less")
    }

    @Test func whoKeepsUpGetsALargeKeyframeAtOnce() {
        var pace = SRTPace()
        _ = self.take(2_000, &pace)
        // Nothing for a second, then half a second's worth: all of it in one go.
        let taken = self.take(490_000, &pace, from: 1_000)
        #expect(taken.count == 1)
        // What is saved has an end: the next as large has to wait.
        #expect(self.take(490_000, &pace, from: 1_020).count > 10)
    }

    @Test func anyRateAndAnyClockAreTaken() {
        for rate in [Int.min, -1, 0, 1, Int.max] {
            var pace = SRTPace()
            let first = pace.allowance(now: 5, rate: rate)
            #expect(first > 0)
            #expect(pace.allowance(now: 0, rate: rate) == first, "a clock that goes back brings nothing")
            #expect(pace.allowance(now: .max, rate: rate) >= first)
        }
    }

    /// A slow stream's first pictures are not held back for its rate not being known yet.
    @Test func someMayAlwaysPass() {
        var pace = SRTPace()
        #expect(pace.allowance(now: 0, rate: 0) >= 30_000)
    }
}
