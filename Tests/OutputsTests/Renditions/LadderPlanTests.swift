import Testing

@testable import Outputs

@Suite struct LadderPlanTests {
    private static let hd = LadderPlan.Source(width: 1280, height: 720, pixelAspect: 1)

    private func sizes(_ settings: [RenditionSetting], of source: LadderPlan.Source) -> [String] {
        LadderPlan(settings, of: source).renditions.map { "\($0.width)x\($0.height)" }
    }

    @Test func renditionsKeepTheShapeInEvenNumbersTallestFirst() {
        #expect(self.sizes([.init(height: 360), .init(height: 480), .init(height: 241)], of: Self.hd) == ["854x480", "640x360", "426x240"])
        #expect(self.sizes([.init(height: 480)], of: .init(width: 1080, height: 1920, pixelAspect: 1)) == ["270x480"], "upright pictures stay so")
        #expect(self.sizes([.init(height: 480)], of: .init(width: 641, height: 481, pixelAspect: 1)) == [], "481 lines are those of 480")
        #expect(self.sizes([.init(height: 240)], of: .init(width: 641, height: 481, pixelAspect: 1)) == ["320x240"])
    }

    @Test func pixelsThatAreNotSquareBecomeSo() {
        // PAL at 16:9: 720x576 with pixels of 64:45.
        #expect(self.sizes([.init(height: 288)], of: .init(width: 720, height: 576, pixelAspect: 64.0 / 45)) == ["512x288"])
        #expect(self.sizes([.init(height: 288)], of: .init(width: 720, height: 576, pixelAspect: .nan)) == ["360x288"])
        #expect(
            self.sizes([.init(height: 576, encodesSameHeight: true)], of: .init(width: 720, height: 576, pixelAspect: 64.0 / 45)) == ["1024x576"])
    }

    @Test func nothingIsEnlargedAndTheSameHeightIsMadeOnlyWhereThatIsAskedFor() {
        #expect(self.sizes([.init(height: 1080), .init(height: 720)], of: Self.hd) == [])
        #expect(self.sizes([.init(height: 1080, encodesSameHeight: true), .init(height: 720, encodesSameHeight: true)], of: Self.hd) == ["1280x720"])
        #expect(self.sizes([.init(height: 0), .init(height: 15), .init(height: -480)], of: Self.hd) == [])
        #expect(self.sizes([.init(height: 480)], of: .init(width: 0, height: 0, pixelAspect: 1)) == [])
    }

    @Test func ofTwoOfOneHeightTheFirstIsMade() {
        let plan = LadderPlan(
            [.init(height: 480, videoBitrate: 900_000), .init(height: 480, videoBitrate: 500_000), .init(height: 481)], of: Self.hd)
        #expect(plan.renditions.map(\.videoBitrate) == [900_000])
        let many = (0..<100).map { RenditionSetting(height: 16 + $0 * 2) }
        #expect(LadderPlan(many, of: Self.hd).renditions.count == LadderPlan.mostRenditions)
    }

    @Test func bitRatesAreThoseAskedForOrSuitTheSize() {
        let plan = LadderPlan(
            [
                .init(height: 480), .init(height: 360, videoBitrate: 500_000, audioBitrate: 64_000),
                .init(height: 240, videoBitrate: 1, audioBitrate: 1),
            ], of: Self.hd)
        #expect(plan.renditions.map(\.videoBitrate) == [980_000, 500_000, 10_000])
        #expect(plan.renditions.map(\.audioBitrate) == [0, 64_000, 8_000])
        #expect(plan.renditions.map(\.suffix) == ["480p980kbps", "360p500kbps", "240p10kbps"])
    }
}
