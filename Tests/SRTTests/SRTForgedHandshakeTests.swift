import Foundation
import Synchronization
import TestSupport
import Testing

@testable import SRT

@Suite struct SRTForgedHandshakeTests {
    private final class Asked: Sendable {
        private let texts = Mutex<[String]>([])
        var all: [String] { self.texts.withLock { $0 } }

        func note(_ request: SRTListener.Request) { self.texts.withLock { $0.append(String(decoding: request.streamID, as: UTF8.self)) } }
    }

    /// Off the cooperative pool, because it waits.
    private func call(_ port: Int, _ streamIDs: [String]) async throws -> (isTaken: Bool, isSentAway: Bool) {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    with: Result {
                        let caller = try ForgedCaller(port: port)
                        let isTaken = try caller.shakeHands(streamIDs)
                        return (isTaken, isTaken && Set(streamIDs).count > 1 && caller.isSentAway())
                    })
            }
        }
    }

    /// libsrt's callback is shown what several blocks leave in one buffer, and the socket has the last: whoever says two would be judged as one stream,
    /// that has no passphrase, and be let in as the other, that has one.
    @Test func whoSaysTwoStreamIDsIsNotLetInAsAnotherThanWasDecidedOn() async throws {
        let asked = Asked()
        // A whole number of words: no zero byte ends it where the longer one goes on.
        let own = "publish:///live/show"
        let decide: @Sendable (SRTListener.Request) -> SRTListener.Answer = { request in
            asked.note(request)
            return .accept(passphrase: request.streamID == Array(own.utf8) ? "of this one stream" : nil)
        }
        try await SRTLoopback.run(decide: decide) { loopback in
            let forged = try await self.call(loopback.port, [String(repeating: "x", count: own.utf8.count) + "2", own])
            if asked.all.first == own + "2" {
                #expect(forged.isTaken && forged.isSentAway)
            } else {
                // A libsrt that does not fall for it.
                #expect(asked.all.first == own && !forged.isTaken)
            }
            // Of the same make, and honest.
            let honest = try await self.call(loopback.port, ["publish:live/other"])
            #expect(honest.isTaken)
            let arrival = try await loopback.next()
            #expect(String(decoding: arrival.request.streamID, as: UTF8.self) == "publish:live/other", "the first to come is the honest one")
        }
    }

    /// Handshakes that fail behind the callback are forgotten, or their count would once be full.
    @Test func thoseWithoutThePassphraseDoNotUseTheListenerUp() async throws {
        try await SRTLoopback.run(decide: { request in .accept(passphrase: request.streamID == Array("own".utf8) ? "of this one stream" : nil) }) {
            loopback in
            for _ in 0..<3 { #expect(try await !self.call(loopback.port, ["own"]).isTaken) }
            try await eventually("they are forgotten") { loopback.expectedCount == 0 }
            _ = try await loopback.connect("other").get()
        }
    }
}
