import Media
import NIOCore
import Testing

@testable import Gateways

@Suite struct MessageLogTests {
    func log(bytes: Int = 10_000, milliseconds: Int64 = 5_000) -> MessageLog {
        var log = MessageLog(limits: .init(bytes: bytes, duration: MediaTime(milliseconds: milliseconds)))
        log.setHeaders(ByteBuffer(string: "H"))
        return log
    }

    func add(_ log: inout MessageLog, _ text: String, at milliseconds: Int64, kind: MessageLog.Kind = .video, isStart: Bool = false) {
        log.append(ByteBuffer(string: text), kind: kind, time: MediaTime(milliseconds: milliseconds), isStart: isStart)
    }

    func text(_ batch: MessageLog.Batch) -> String? {
        if case .bytes(let bytes, _, _, _) = batch { String(buffer: bytes) } else { nil }
    }

    func next(_ batch: MessageLog.Batch) -> Int? {
        if case .bytes(_, let next, _, _) = batch { next } else { nil }
    }

    @Test func aPlayerStartsWithTheHeadersAtTheNewestKeyframe() {
        var log = self.log()
        self.add(&log, "K1", at: 0, isStart: true)
        self.add(&log, "v2", at: 33)
        self.add(&log, "K3", at: 66, isStart: true)
        self.add(&log, "v4", at: 99)
        let batch = log.batch(from: nil, limit: 1_000)
        #expect(self.text(batch) == "HK3v4")
        #expect(self.next(batch) == log.endIndex)
        #expect(self.text(log.batch(from: log.endIndex, limit: 1_000)) == nil)
    }

    @Test func nobodyStartsBeforeThereIsAKeyframe() {
        var log = self.log()
        #expect(self.text(log.batch(from: nil, limit: 1_000)) == nil)
        self.add(&log, "K", at: 0, isStart: true)
        log.forgetKeyframe()
        #expect(self.text(log.batch(from: nil, limit: 1_000)) == nil)
    }

    @Test func aBatchIsWholeMessagesUpToTheLimitAndAtLeastOne() {
        var log = self.log()
        self.add(&log, "KKKKKKKK", at: 0, isStart: true)
        self.add(&log, "vv", at: 33)
        self.add(&log, "ww", at: 66)
        let first = log.batch(from: nil, limit: 4)
        #expect(self.text(first) == "HKKKKKKKK")
        let second = log.batch(from: self.next(first), limit: 3)
        #expect(self.text(second) == "vv")
        #expect(self.text(log.batch(from: self.next(second), limit: 3)) == "ww")
    }

    @Test func soundAloneIsNotWorthASendWhilePicturesFlow() {
        var log = self.log()
        self.add(&log, "K", at: 0, isStart: true)
        let cursor = log.endIndex
        self.add(&log, "a", at: 10, kind: .audio)
        #expect(self.text(log.batch(from: cursor, limit: 100)) == nil)
        self.add(&log, "v", at: 33)
        #expect(self.text(log.batch(from: cursor, limit: 100)) == "av")
        self.add(&log, "b", at: 400, kind: .audio)  // the picture has stopped
        #expect(self.text(log.batch(from: cursor + 2, limit: 100)) == "b")
    }

    @Test func controlMessagesAreDeliveredEvenWithoutAPicture() {
        var log = self.log()
        self.add(&log, "K", at: 0, isStart: true)
        let cursor = log.endIndex
        self.add(&log, "E", at: 0, kind: .control)
        #expect(self.text(log.batch(from: cursor, limit: 100)) == "E")
        #expect(self.text(log.batch(from: cursor, limit: 100, including: { _ in false })) == "E")
    }

    @Test func aPlayerThatFallsOutOfTheLogStartsAgainAtTheNewestKeyframe() {
        var log = self.log(bytes: 20)
        self.add(&log, "K0", at: 0, isStart: true)
        let cursor = log.startIndex + 1
        for step in 1..<40 { self.add(&log, step % 8 == 0 ? "K\(step)" : "v\(step)", at: Int64(step) * 33, isStart: step % 8 == 0) }
        #expect(log.startIndex > cursor)
        guard case .bytes(let bytes, _, let isStart, _) = log.batch(from: cursor, limit: 1_000) else {
            Issue.record("no batch")
            return
        }
        #expect(isStart)
        #expect(String(buffer: bytes).hasPrefix("HK32v33"))
    }

    @Test func theLogIsBoundedInBytesAndTime() {
        var log = self.log(bytes: 100, milliseconds: 1_000)
        for step in 0..<10_000 { self.add(&log, "0123456789", at: Int64(step), isStart: step % 3 == 0) }
        #expect(log.bytes <= 100)
        var slow = self.log(bytes: 1_000_000, milliseconds: 1_000)
        for step in 0..<100 { self.add(&slow, "x", at: Int64(step) * 100, isStart: true) }
        #expect(slow.bytes <= 12)
        var endless = self.log(bytes: 100)
        self.add(&endless, "K", at: 0, isStart: true)
        for step in 1..<10_000 { self.add(&endless, "0123456789", at: Int64(step)) }
        #expect(endless.bytes <= 200)
        #expect(self.text(endless.batch(from: nil, limit: 100)) == nil)
    }

    @Test func aPlayerWithoutVideoGetsSoundOnly() {
        var log = self.log()
        self.add(&log, "K", at: 0, isStart: true)
        self.add(&log, "a", at: 10, kind: .audio)
        self.add(&log, "v", at: 33)
        #expect(self.text(log.batch(from: nil, limit: 100, including: { $0 == .audio })) == "Ha")
    }
}

@Suite struct LoopLoadTests {
    @Test func theWindowGrowsWithThePlayersOfTheLoop() {
        let load = LoopLoad(mergeWindow: .milliseconds(30))
        #expect(load.window == .zero)
        load.players = 32
        #expect(load.window == .zero)
        load.players = 80
        #expect(load.window == .milliseconds(15))
        load.players = 128
        #expect(load.window == .milliseconds(30))
        load.players = 10_000
        #expect(load.window == .milliseconds(30))
    }
}
