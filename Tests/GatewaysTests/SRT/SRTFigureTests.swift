import NIOCore
import Testing

@testable import Gateways

@Suite struct SRTFigureTests {
    @Test func aStreamWhosePublisherIsBeingReplacedIsShownOnce() {
        let all: [(number: UInt64, stream: String, seconds: Double)] = [(7, "a", 0.1), (9, "a", 0.2), (8, "b", 0.3), (3, "a", 0.4)]
        for order in [all, all.reversed()] {
            let shown = SRTConnections.newest(order).sorted { $0.stream < $1.stream }
            #expect(shown.map(\.stream) == ["a", "b"])
            #expect(shown.map(\.seconds) == [0.2, 0.3])
        }
    }

    @Test func everyViewerHasAPatienceOfItsOwn() {
        let start = NIODeadline.now()
        func hasWaited(joined: Int64, idleSince: Int64, at now: Int64) -> Bool {
            SRTViewer.hasWaited(from: start + .seconds(joined), for: .seconds(30), since: start + .seconds(idleSince), now: start + .seconds(now))
        }
        #expect(hasWaited(joined: 0, idleSince: 0, at: 31))
        #expect(!hasWaited(joined: 29, idleSince: 0, at: 31), "who has just come")
        #expect(hasWaited(joined: 29, idleSince: 0, at: 60))
        #expect(!hasWaited(joined: 0, idleSince: 10, at: 31), "there was something meanwhile")
    }
}
