import Testing

@testable import Bench

@Suite struct SummaryTests {
    static let summary = Summary(measurements: [
        Measurement(scenario: .rtmp, server: .nginx, size: 1000, round: 1, values: [.cpuPerGB: 1]),
        Measurement(scenario: .rtmp, server: .martlet(mergeWindow: 30), size: 1000, round: 1, values: [.cpuPerGB: 0.5, .missing: 0]),
        Measurement(scenario: .rtmp, server: .nginx, size: 1000, round: 2, values: [.cpuPerGB: 2]),
        Measurement(scenario: .rtmp, server: .martlet(mergeWindow: 30), size: 1000, round: 2, values: [.cpuPerGB: 1.2, .missing: 3]),
        Measurement(scenario: .rtmp, server: .nginx, size: 1000, round: 3, faults: ["timed out"]),
        Measurement(scenario: .rtmp, server: .martlet(mergeWindow: 30), size: 1000, round: 3, values: [.cpuPerGB: 9, .missing: 0]),
    ])

    @Test func ratiosAreTakenWithinARound() throws {
        let ratio = try #require(Self.summary.ratio(.rtmp, .martlet(mergeWindow: 30), 1000, .cpuPerGB))
        #expect(abs(ratio - 0.55) < 1e-9)
    }

    @Test func oneRoundWithALossIsNotHiddenByTheMedian() {
        #expect(Self.summary.value(.rtmp, .martlet(mergeWindow: 30), 1000, .missing) == 3)
        #expect(Self.summary.value(.rtmp, .martlet(mergeWindow: 30), 1000, .cpuPerGB) == 1.2)
    }

    @Test func aGoalIsJudgedByTheRatioAtItsSize() {
        let results = Goal.all[0].results(in: Self.summary)
        #expect(results.map(\.size) == [1000])
        #expect(results.allSatisfy { $0.value <= Goal.all[0].limit })
        #expect(Goal.all[1].results(in: Self.summary).isEmpty)
    }

    @Test func percentilesAreOfTheNearestRank() {
        let values = (1...200).map(Double.init)
        #expect(percentile(values, 99) == 198)
        #expect(percentile(values, 50) == 100.5)
        #expect(percentile([], 50) == nil)
    }

    @Test(arguments: [(1.005, 0, "1"), (-0.04, 1, "0.0"), (-12.345, 2, "-12.35"), (0.07, 2, "0.07")])
    func numbersAreWrittenWithFixedDigits(value: Double, digits: Int, text: String) { #expect(decimal(value, digits) == text) }

    @Test func aPlaylistAnswerIsGoodWhenItIsWholeAndHasSegments() {
        let body = "#EXTM3U\n#EXTINF:2.0,\na.m4s\n"
        let whole = "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        #expect(PlaylistViewer.judge(Array(whole.utf8)) == true)
        #expect(PlaylistViewer.judge(Array(whole.utf8.dropLast())) == nil)
        #expect(PlaylistViewer.judge(Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8)) == false)
        #expect(PlaylistViewer.judge(Array("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".utf8)) == false)
    }
}
