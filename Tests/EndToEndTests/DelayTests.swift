import Foundation
import Testing

/// From the making of a picture to its showing in a real browser, by a clock in the picture itself.
@Suite struct DelayTests {
    /// Issue: parts of half a second, two seconds for low-latency HLS. DASH keeps two seconds from the server on, and has to get there as well.
    @Test(arguments: [("ll-hls", 2.0), ("dash", 3.0)]) func aPictureIsShownSoonAfterItWasMade(technique: String, bound: Double) async throws {
        try await Lab.runAmongOthersOrAlone { lab, isAlone in
            let server = try await MartletProcess.start(in: lab)
            let publisher = try await lab.start(
                "clock_publisher", ["/usr/bin/python3", PythonPeer.path(of: "clock_publisher.py"), server.rtmpURL("demo")])
            try await eventually("demo is live") {
                try #require(publisher.exit == nil, "the publisher ended: \(publisher.lastWords)")
                return try await server.broadcast("demo")["status"].text == "broadcasting"
            }
            let browser = try await Browser.start(in: lab)
            try await browser.open(server.url("/live/play.html?id=demo&playOrder=\(technique)"))
            try await browser.waitUntil("it plays", "document.documentElement.dataset.state === 'playing' && window.martlet.video.currentTime > 3")
            let delay = try await PictureClock.settledDelay(browser, bound: bound, within: isAlone ? .seconds(300) : .seconds(60))
            guard delay <= bound else {
                try #require(!isAlone, "the best median delay was \(delay) s")
                return false
            }
            try #require(try await browser.evaluate("window.martlet.technique").text == technique)
            // No picture is shown before it is made, or the clock is not one.
            try #require(delay > 0.1)
            let told = try await browser.evaluate("document.getElementById('live').title").text ?? ""
            print("picture to picture over \(technique): \(delay) s; the page says: \(told)")
            try #require(try await browser.problems() == [])
            return true
        }
    }
}
