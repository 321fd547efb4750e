import Foundation
import Testing

/// The player page in a real browser.
@Suite struct PlayerPageTests {
    private static let plays = "document.documentElement.dataset.state === 'playing' && window.martlet.video.currentTime > 3"
    private static let isWaiting = "document.documentElement.dataset.state === 'waiting'"

    /// Frames that have been shown; the page's own clock alone could run over a black picture.
    private static func frames(_ browser: Browser) async throws -> Double {
        try #require(try await browser.evaluate("window.martlet.video.getVideoPlaybackQuality().totalVideoFrames").number)
    }

    @Test func aPageThatIsOpenBeforeTheStreamPlaysItAndItsSuccessor() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let browser = try await Browser.start(in: lab)
            try await browser.open(server.url("/live/play.html?id=demo"))
            try await browser.waitUntil("it waits", "document.getElementById('message').textContent.includes('Waiting')")

            let publisher = try await server.publish(as: "demo", loops: true)
            try await browser.waitUntil("it plays", Self.plays)
            try #require(try await browser.evaluate("window.martlet.video.videoWidth").number == 320)
            let before = try await Self.frames(browser)
            try await publisher.send(2)
            try await browser.waitUntil("pictures come", "window.martlet.video.getVideoPlaybackQuality().totalVideoFrames > \(before + 25)")
            try await eventually("the viewer is counted") { (try await server.broadcast("demo"))["hlsViewerCount"].number ?? 0 >= 1 }

            try await publisher.stop()
            try await browser.waitUntil("it sees the end", Self.isWaiting)
            _ = try await server.publish(as: "demo", loops: true)
            try await browser.waitUntil("it plays again", Self.plays)
            try #require(try await browser.problems() == [])
        }
    }

    /// Issue: at most two seconds from the publisher to the picture, with parts of half a second.
    @Test func lowLatencyIsTwoSecondsOrLess() async throws {
        try await Lab.runAmongOthersOrAlone { lab, isAlone in
            let server = try await MartletProcess.start(in: lab)
            _ = try await server.publish(as: "demo", loops: true)
            let browser = try await Browser.start(in: lab)
            try await browser.open(server.url("/live/play.html?id=demo&playOrder=ll-hls"))
            try await browser.waitUntil("it plays", Self.plays)
            try #require(try await browser.evaluate("window.martlet.technique").text == "ll-hls")
            try #require(try await browser.evaluate("window.martlet.engine.source.isLowLatency").bool == true)
            // Caught up, and steadily so: five looks in a row. A busy machine may need a while to settle.
            var good = 0
            do {
                try await eventually("the delay is small", within: isAlone ? .seconds(300) : .seconds(60)) {
                    let delay = try #require(try await browser.evaluate("window.martlet.engine.latency").number)
                    good = delay <= 2 ? good + 1 : 0
                    return good == 5
                }
            } catch let error as NeverHappened {
                guard !isAlone else { throw error }
                return false
            }
            try #require(try await browser.problems() == [])
            return true
        }
    }

    @Test(arguments: ["hls", "dash"]) func itPlaysTheWayItIsTold(technique: String) async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            _ = try await server.publish(as: "demo", loops: true)
            let browser = try await Browser.start(in: lab)
            try await browser.open(server.url("/live/play.html?id=demo&playOrder=webrtc,\(technique)"))
            try await browser.waitUntil("it plays", Self.plays)
            try #require(try await browser.evaluate("window.martlet.technique").text == technique)
            // Not every way counts its time from nought.
            try await browser.waitUntil("pictures come", "window.martlet.video.getVideoPlaybackQuality().totalVideoFrames > 50")
            try #require(try await browser.problems() == [])
        }
    }

    @Test func whatCannotBePlayedIsSaid() async throws {
        try await Lab.run { lab in
            let server = try await MartletProcess.start(in: lab)
            let browser = try await Browser.start(in: lab)
            try await browser.open(server.url("/live/play.html"))
            try await browser.waitUntil("it says so", "document.getElementById('message').classList.contains('error')")
            try await browser.open(server.url("/live/play.html?id=%3Cimg%20src%3Dx%3E&playOrder=hls"))
            try await browser.waitUntil("it waits", "document.getElementById('message').textContent.includes('Waiting')")
            try #require(try await browser.evaluate("document.images.length").number == 0)
            try #require(try await browser.problems() == [])
        }
    }
}
