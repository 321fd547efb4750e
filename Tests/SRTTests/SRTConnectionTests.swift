import Foundation
import Glibc
import Synchronization
import Testing

@testable import SRT

/// libsrt on the loopback device, through the room's own types on both sides.
@Suite struct SRTConnectionTests {
    private func cause(_ result: Result<SRTSocket, SRTFailure>) -> SRTFailure.Cause? {
        if case .failure(let failure) = result { failure.cause } else { nil }
    }

    @Test func whatIsSentComesInOrderWithTheStreamIDOfTheCaller() async throws {
        try await SRTLoopback.run { loopback in
            let caller = try await loopback.connect("#!::r=demo,m=publish").get()
            let arrival = try await loopback.next()
            #expect(String(decoding: arrival.request.streamID, as: UTF8.self) == "#!::r=demo,m=publish")
            #expect(arrival.request.remoteAddress == "127.0.0.1")
            let sent = (0..<50).map { number in [UInt8](repeating: UInt8(number), count: 1_316) }
            for datagram in sent { #expect(datagram.withUnsafeBytes { caller.send($0) } == .taken) }
            try arrival.socket.waitWhenReceiving(milliseconds: 10_000)
            let (received, _) = await SRTLoopback.receive(50, on: arrival.socket)
            #expect(received == sent)
            let statistics = try #require(arrival.socket.statistics())
            #expect(statistics.received == 50 && statistics.receivedDropped == 0)
            #expect(statistics.receiveLatency == 120)
            caller.close()
            let (_, last) = await SRTLoopback.receive(1, on: arrival.socket)
            #expect(last == .ended || last == .lost)
            #expect(arrival.socket.statistics() == nil, "nothing is known of a connection that is gone")
        }
    }

    @Test(arguments: [SRTRejection.forbidden, .notFound, .conflict, .unauthorized, .overload, .badRequest, .badMode, .unavailable])
    func theCallerIsToldWhy(reason: SRTRejection) async throws {
        try await SRTLoopback.run(decide: { _ in .reject(reason) }) { loopback in
            #expect(self.cause(await loopback.connect("demo")) == .rejected(reason))
        }
    }

    @Test func aStreamMayHaveAPassphraseOfItsOwn() async throws {
        var parameters = SRTParameters()
        parameters.passphrase = "of the whole server"
        let decide: @Sendable (SRTListener.Request) -> SRTListener.Answer = { request in
            .accept(passphrase: request.streamID == Array("own".utf8) ? "of this one stream" : nil)
        }
        try await SRTLoopback.run(parameters, decide: decide) { loopback in
            _ = try await loopback.connect("own", passphrase: "of this one stream").get()
            _ = try await loopback.connect("other", passphrase: "of the whole server").get()
            #expect(self.cause(await loopback.connect("own", passphrase: "of the whole server")) == .rejected(.badSecret))
            #expect(self.cause(await loopback.connect("other", passphrase: "of this one stream")) == .rejected(.badSecret))
            #expect(self.cause(await loopback.connect("own")) == .rejected(.unsecure))
        }
    }

    @Test func whereNothingIsEncryptedAPassphraseIsTurnedAway() async throws {
        try await SRTLoopback.run { loopback in
            #expect(self.cause(await loopback.connect("demo", passphrase: "nobody asked for it")) == .rejected(.unsecure))
        }
    }

    /// The next that has not come yet: who says its handshake again is reported again.
    private func next(_ reports: inout AsyncStream<String>.Iterator, besides known: Set<String> = []) async -> String? {
        while let report = await reports.next() {
            if !known.contains(report) { return report }
        }
        return nil
    }

    /// libsrt tells nobody on this side; that they never came does.
    @Test func whoFailsWithThePassphraseIsReported() async throws {
        let (stream, continuation) = AsyncStream<String>.makeStream()
        let decide: @Sendable (SRTListener.Request) -> SRTListener.Answer = { request in
            .accept(passphrase: request.streamID == Array("open".utf8) ? nil : "of this one stream")
        }
        let failed: @Sendable (SRTListener.Request, SRTRejection) -> Void = {
            continuation.yield("\(String(decoding: $0.streamID, as: UTF8.self)) \($1.code)")
        }
        try await SRTLoopback.run(decide: decide, failed: failed) { loopback in
            _ = try await loopback.connect("good", passphrase: "of this one stream").get()
            _ = try await loopback.connect("open").get()
            var reported = stream.makeAsyncIterator()
            #expect(self.cause(await loopback.connect("wrong", passphrase: "of some other stream")) != nil)
            let wrong = await self.next(&reported)
            #expect(wrong == "wrong 10")
            #expect(self.cause(await loopback.connect("none")) != nil)
            let none = await self.next(&reported, besides: ["wrong 10"])
            #expect(none == "none 10")
            #expect(self.cause(await loopback.connect("open", passphrase: "of some other stream")) != nil)
            let open = await self.next(&reported, besides: ["wrong 10", "none 10"])
            #expect(open == "open 11")
        }
    }

    @Test(arguments: [
        (SRTRejection.forbidden, SRTRejection.Kind.refusal), (.badSecret, .refusal), (.unsecure, .refusal), (.notFound, .refusal),
        (.init(code: 2), .refusal), (.init(code: 2_001), .refusal), (.overload, .temporary), (.unavailable, .temporary), (.internalError, .temporary),
        (.init(code: 5), .temporary), (.timeout, .temporary), (.init(code: 8), .incompatible), (.init(code: 12), .incompatible),
    ])
    func whatARejectionMeansForTheNextTryIsKnown(reason: SRTRejection, kind: SRTRejection.Kind) {
        #expect(reason.kind == kind)
    }

    @Test func aPassphraseThatLibsrtWouldNotTakeLetsNobodyIn() async throws {
        try await SRTLoopback.run(decide: { _ in .accept(passphrase: "short") }) { loopback in
            #expect(self.cause(await loopback.connect("demo")) == .rejected(.internalError))
        }
    }

    /// 10 s is what the settings allow: 40 Mb/s of it fit.
    @Test(arguments: [(120, 8_192), (1_000, 8_192), (10_000, 37_993)])
    func theReceiveBufferHoldsAsMuchAsTheLatencyHoldsBack(latency: Int, packets: Int) async throws {
        var parameters = SRTParameters()
        parameters.latency = latency
        #expect(parameters.receivePackets == packets)
        try await SRTLoopback.run(parameters) { loopback in
            _ = try await loopback.connect("demo").get()
            let arrival = try await loopback.next()
            let windows = SRTParameters.windows(of: arrival.socket.id)
            #expect(windows.receive == packets && windows.flight >= packets)
        }
    }

    @Test func parametersOutOfBoundsAreRefusedBeforeAnythingIsSent() {
        var parameters = SRTParameters()
        #expect(parameters.problem == nil)
        for length in [10, 79] {
            parameters.passphrase = String(repeating: "x", count: length)
            #expect(parameters.problem == nil)
        }
        for length in [0, 9, 80] {
            parameters.passphrase = String(repeating: "x", count: length)
            #expect(parameters.problem != nil)
        }
        parameters.passphrase = nil
        parameters.streamID = String(repeating: "x", count: 512)
        #expect(parameters.problem == nil)
        parameters.streamID += "x"
        #expect(parameters.problem != nil)
        parameters.streamID = ""
        for length in [16, 24, 32] {
            parameters.keyLength = length
            #expect(parameters.problem == nil)
        }
        parameters.keyLength = 20
        #expect(parameters.problem != nil)
    }

    @Test func nobodyAtTheOtherEndIsToldInTime() async throws {
        // A socket that is bound and answers nothing.
        let silent = try SilentPort()
        #expect(self.cause(await SRTLoopback.connect(to: silent.port, within: 300)) == .timedOut)
    }

    @Test func aWaitingCallerCanBeCancelled() async throws {
        let silent = try SilentPort()
        var parameters = SRTParameters()
        parameters.streamID = "demo"
        // An hour: what ends it is not time.
        let result = await SRTLoopback.connect(to: silent.port, parameters, within: 3_600_000) { caller in
            Thread.detachNewThread { caller.cancel() }
        }
        #expect(self.cause(result) == .cancelled)
    }

    @Test func aSecondListenerCannotHaveThePortOfTheFirst() async throws {
        try await SRTLoopback.run { loopback in
            let second = SRTListener(parameters: SRTParameters(), decide: { _ in .reject(.forbidden) }, accepted: { _, _ in })
            #expect(throws: SRTFailure.self) { try second.start(host: "127.0.0.1", port: loopback.port) }
        }
    }

    @Test func addressesAreReadAndShownAsTheyAre() throws {
        let four = try #require(SRTAddress(literal: "192.0.2.7", port: 4200))
        #expect(four.host == "192.0.2.7" && four.port == 4200)
        let six = try #require(SRTAddress(literal: "2001:db8::1", port: 1))
        #expect(six.host == "2001:db8::1" && six.port == 1)
        #expect(try #require(SRTAddress(literal: "::ffff:192.0.2.7", port: 1)).host == "192.0.2.7")
        #expect(SRTAddress(literal: "example.invalid", port: 1) == nil)
        #expect(SRTAddress(literal: "192.0.2.7", port: 65_536) == nil)
    }

    /// Two of them (libavformat brings one) crash the process when it ends.
    @Test func thereIsOneLibsrtInTheProcess() throws {
        let file = try #require(FileHandle(forReadingAtPath: "/proc/self/maps"))
        let maps = String(decoding: try #require(try file.readToEnd()), as: UTF8.self)
        let libraries = Set(maps.split(separator: "\n").compactMap { line in line.split(separator: " ").last.map(String.init) })
            .filter { $0.contains("/libsrt") && !$0.contains("/libsrtp") }
        #expect(libraries.count == 1, "\(libraries)")
        #expect(libraries.allSatisfy { $0.contains("gnutls") })
    }
}

/// A UDP port that somebody has and nobody answers at.
private final class SilentPort {
    let port: Int
    private let descriptor: Int32

    init() throws {
        self.descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        try #require(self.descriptor >= 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = self.descriptor
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(descriptor, raw, length) == 0 ? getsockname(descriptor, raw, &length) : -1
            }
        }
        try #require(result == 0)
        self.port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(self.descriptor) }
}
