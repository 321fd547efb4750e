import Testing

@testable import Bench

@Suite struct PullTests {
    static let page = MetricsPage(
        """
        # HELP martlet_pulls Sources that are pulled.
        # TYPE martlet_pulls gauge
        martlet_pulls{state="preparing"} 2
        martlet_pulls{state="broadcasting"} 98
        martlet_pulls_other 7
        martlet_group_cache_bytes 1.5e6

        """)

    @Test func labelsOfAMetricAreSummedOrChosen() {
        #expect(Self.page.sum("martlet_pulls") == 100)
        #expect(Self.page.sum("martlet_pulls", "state=\"broadcasting\"") == 98)
        #expect(Self.page.sum("martlet_group_cache_bytes") == 1_500_000)
    }

    /// A figure that is not there must not look like a zero.
    @Test func whatThePageDoesNotSayIsNil() {
        #expect(Self.page.sum("martlet_frames_dropped_total") == nil)
        #expect(Self.page.sum("martlet_pulls", "state=\"retrying\"") == nil)
    }

    @Test func aWholeAnswerIsTakenApart() throws {
        let answer = try #require(HTTPCall.parts(of: Array("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}".utf8)))
        #expect(answer.status == 404 && answer.body == "{}")
        let open = try #require(HTTPCall.parts(of: Array("HTTP/1.1 200 OK\r\nServer: x\r\n\r\nabc".utf8)))
        #expect(open.status == 200 && open.body == "abc")
    }

    @Test(arguments: [
        "", "HTTP/1.1 200 OK\r\n", "SSH-2.0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ])
    func anythingElseIsNoAnswer(text: String) { #expect(HTTPCall.parts(of: Array(text.utf8)) == nil) }

    @Test func thePortIsTheFirstWholeLineThatIsANumber() {
        #expect(RTSPSource.port(in: "a warning: 8\n40123\n") == 40123)
        #expect(RTSPSource.port(in: "40123") == nil)
        #expect(RTSPSource.port(in: "") == nil)
    }

    @Test func theLastStatisticsOfFFmpegCount() {
        let log = "Output #0, null, to 'pipe:':\nframe=   10 fps=0.0 q=-1.0\rframe=  480 fps= 30 q=-1.0 Lsize=N/A time=00:00:16.0\nvideo:1kB\n"
        #expect(FFmpegReader.frames(log) == 480)
        #expect(FFmpegReader.frames("Output #0, null, to 'pipe:':\n") == nil)
    }

    @Test func pullsAreComparedWithFFmpegAndEverythingElseWithNginx() throws {
        let summary = Summary(measurements: [
            Measurement(scenario: .pull, server: .ffmpeg, size: 10, round: 1, values: [.cpuPerPull: 6]),
            Measurement(scenario: .pull, server: .martlet(mergeWindow: 30), size: 10, round: 1, values: [.cpuPerPull: 7.5, .dropped: 0]),
        ])
        #expect(summary.ratio(.pull, .martlet(mergeWindow: 30), 10, .cpuPerPull) == 1.25)
        let goal = try #require(Goal.all.first { $0.metric == .cpuPerPull })
        let result = try #require(goal.results(in: summary).first)
        #expect(result.size == 10 && result.value > goal.limit)
        #expect(Options.Scenario.allCases.filter { $0.reference == .ffmpeg } == [.pull])
    }

    @Test func anOrdinaryCommandLineNamesBothReferences() throws {
        let options = try Options(["pull", "--quick", "--clip", "a", "--work", "b", "--pulls", "1,5"])
        #expect(options.scenarios == [.pull] && options.pulls == [1, 5])
        #expect(options.servers.contains(.ffmpeg) && options.servers.contains(.nginx))
        let chosen = try Options(["--servers", "martlet,ffmpeg", "--clip", "a", "--work", "b"])
        #expect(chosen.servers == [.ffmpeg, .martlet(mergeWindow: 30)])
    }
}
