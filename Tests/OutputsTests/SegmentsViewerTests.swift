import NIOCore
import Streams
import TestSupport
import Testing

@testable import Outputs

@Suite(.againstHanging) struct SegmentsViewerTests {
    private func table(capacity: Int = 100) -> ViewerTable { ViewerTable(patience: .seconds(20), capacity: capacity) }
    private func at(_ seconds: Int64) -> NIODeadline { .uptimeNanoseconds(1_000_000_000_000) + .seconds(seconds) }
    private func visit(_ number: Int, cookie: String? = nil, issuing: String? = nil) -> ViewerTable.Visit {
        ViewerTable.Visit(cookie: cookie, address: "192.0.2.\(number)", userAgent: "ua", token: "", issuing: issuing)
    }

    @Test func aClientWithoutCookiesIsOneViewerHoweverOftenItAsks() {
        var table = self.table()
        for second in 0..<60 {
            let admission = table.seen(self.visit(1, issuing: "\(second)"), limit: -1, now: self.at(Int64(second)))
            #expect(admission == .admitted)
        }
        #expect(table.count(now: self.at(60)) == 1)
    }

    @Test func aFirstRequestAndTheSameViewersCookieAreOne() {
        var table = self.table()
        _ = table.seen(self.visit(1, issuing: "a"), limit: -1, now: self.at(0))
        _ = table.seen(self.visit(1, cookie: "a"), limit: -1, now: self.at(1))
        #expect(table.count(now: self.at(1)) == 1)
    }

    @Test func viewersBehindOneAddressAreToldApartByTheirCookies() {
        var table = self.table()
        for name in ["a", "b", "c"] { _ = table.seen(self.visit(1, issuing: name), limit: -1, now: self.at(0)) }
        for name in ["a", "b", "c"] { _ = table.seen(self.visit(1, cookie: name), limit: -1, now: self.at(1)) }
        #expect(table.count(now: self.at(1)) == 3)
    }

    @Test func aSilentViewerHasGone() {
        var table = self.table()
        _ = table.seen(self.visit(1), limit: -1, now: self.at(0))
        _ = table.seen(self.visit(2), limit: -1, now: self.at(15))
        #expect(table.count(now: self.at(20)) == 2)
        #expect(table.count(now: self.at(21)) == 1)
        #expect(table.count(now: self.at(36)) == 0)
    }

    @Test func onlyNewcomersAreRefusedAtTheLimitAndRoomIsFoundWhenSomebodyLeaves() {
        var table = self.table()
        _ = table.seen(self.visit(1, issuing: "a"), limit: 2, now: self.at(0))
        _ = table.seen(self.visit(2), limit: 2, now: self.at(0))
        #expect(table.seen(self.visit(3), limit: 2, now: self.at(1)) == .limitReached)
        #expect(table.seen(self.visit(1, cookie: "a"), limit: 2, now: self.at(2)) == .admitted)
        #expect(table.seen(self.visit(1, cookie: "a"), limit: 2, now: self.at(21)) == .admitted)
        #expect(table.seen(self.visit(3), limit: 2, now: self.at(22)) == .admitted)
        #expect(table.seen(self.visit(4), limit: 0, now: self.at(22)) == .limitReached)
    }

    @Test func theTableIsBounded() {
        var table = self.table(capacity: 10)
        for number in 0..<1000 {
            #expect(table.seen(self.visit(1, cookie: "\(number)"), limit: -1, now: self.at(0)) == .admitted)
        }
        #expect(table.count(now: self.at(0)) == 10)
    }

    @Test func viewersOfABroadcastAreCountedUntilItEnds() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try fixture.publish("demo")
            SegmentsFixture.send(publisher, from: 0, to: 5)
            let segment = try await fixture.playlist("demo.m3u8").segments[0].uri
            #expect(fixture.hls.viewerCount("demo") == 1)
            _ = fixture.ask("demo.m3u8", address: "198.51.100.2")
            _ = fixture.ask("demo_adaptive.m3u8", address: "198.51.100.2")
            _ = fixture.ask(segment, address: "198.51.100.2")
            _ = fixture.ask("demo.m3u8", address: "198.51.100.2", userAgent: "another")
            _ = fixture.ask(segment, address: "198.51.100.3")
            _ = fixture.ask("demo.m3u8", address: "198.51.100.4", isHead: true)
            #expect(fixture.hls.viewerCount("demo") == 4)
            #expect(fixture.hls.totalViewerCount() == 4)
            #expect(fixture.hls.viewerCount("other") == 0)
            publisher.end(.finished)
            fixture.hls.streamEnded(StreamKey("demo"))
            try await fixture.settle()
            _ = fixture.ask("demo.m3u8", address: "198.51.100.2")
            #expect(fixture.hls.viewerCount("demo") == 0)
            #expect(fixture.hls.totalViewerCount() == 0)
        }
    }

    @Test func theLimitRefusesNewcomersOnPlaylistsAndSegments() async throws {
        try await SegmentsFixture.run({ $0.viewerLimit = { $0 == "demo" ? 1 : -1 } }) { fixture in
            let publisher = try fixture.publish("demo")
            SegmentsFixture.send(publisher, from: 0, to: 5)
            let segment = try await fixture.playlist("demo.m3u8").segments[0].uri
            for path in ["demo.m3u8", segment] {
                guard case .now(.viewerLimitReached)? = fixture.ask(path, address: "203.0.113.9") else {
                    Issue.record("a newcomer got in")
                    continue
                }
            }
            guard case .now(.segment)? = fixture.ask(segment) else {
                Issue.record("an admitted viewer was refused")
                return
            }
            publisher.end(.finished)
        }
    }

    @Test func aCookieIsGivenOnceAndOnlyOursAreTaken() async throws {
        try await SegmentsFixture.run { fixture in
            let publisher = try fixture.publish("demo")
            SegmentsFixture.send(publisher, from: 0, to: 5)
            _ = try await fixture.playlist("demo.m3u8")
            guard case .now(.playlist(_, _, let issued?))? = fixture.ask("demo.m3u8") else {
                Issue.record("no cookie")
                return
            }
            guard case .now(.playlist(_, _, nil))? = fixture.ask("demo.m3u8", cookie: issued) else {
                Issue.record("a second cookie")
                return
            }
            for odd in ["", "x", String(repeating: "a", count: 5000), "aaaaaaaaaaaaaaaaaaa;"] {
                guard case .now(.playlist(_, _, .some))? = fixture.ask("demo.m3u8", cookie: odd) else {
                    Issue.record("took \(odd.prefix(30))")
                    continue
                }
            }
            #expect(fixture.hls.viewerCount("demo") <= 2)
            publisher.end(.finished)
        }
    }
}
