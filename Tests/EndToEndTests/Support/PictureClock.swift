import Foundation
import Testing

/// Reads the clock that `clock_publisher.py` puts into its pictures off the player page: how old the picture is that is being shown.
struct PictureClock {
    private static let read = """
        (() => {
            const video = window.martlet.video;
            if (video.videoWidth !== 320) return null;
            const canvas = document.createElement("canvas");
            [canvas.width, canvas.height] = [320, 128];
            const context = canvas.getContext("2d", { willReadFrequently: true });
            context.drawImage(video, 0, 0);
            const now = Date.now();
            const pixels = context.getImageData(0, 0, 320, 128).data;
            let bits = "";
            for (let index = 0; index < 40; index++) {
                const x = index % 10 * 32 + 16, y = Math.floor(index / 10) * 32 + 16;
                bits += pixels[(y * 320 + x) * 4] > 127 ? "1" : "0";
            }
            const stamp = parseInt(bits.slice(0, 32), 2);
            const sum = [24, 16, 8, 0].reduce((sum, shift) => sum + (stamp >>> shift & 255), 0) % 256;
            return sum === parseInt(bits.slice(32), 2) ? (now % 2 ** 32 - stamp + 2 ** 32) % 2 ** 32 / 1000 : null;
        })()
        """

    /// Seconds between a picture's making and now, while it is shown; nil when the picture cannot be read, as before the first.
    static func delay(_ browser: Browser) async throws -> Double? { try await browser.evaluate(Self.read).number }

    /// Looks four times a second until the median of twenty looks in a row is no more than `bound` seconds, and gives it. A busy machine may need a while
    /// to settle; of a player that never gets there it is the best median.
    static func settledDelay(_ browser: Browser, bound: Double, within limit: Duration) async throws -> Double {
        var looks: [Double] = []
        var medians: [Double] = []
        do {
            try await eventually("a median delay of \(bound) s", within: limit, every: .milliseconds(250)) { () -> Bool in
                guard let delay = try await Self.delay(browser) else { return false }
                looks.append(delay)
                guard looks.count >= 20 else { return false }
                let median = looks.suffix(20).sorted()[10]
                medians.append(median)
                return median <= bound
            }
        } catch is NeverHappened {
            print("the best median was \(medians.min() ?? .nan) s, the last \(medians.last ?? .nan) s, of \(looks.count) looks")
        }
        return medians.min() ?? .infinity
    }
}
