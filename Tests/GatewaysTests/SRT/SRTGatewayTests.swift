import Foundation
import Logging
import Media
import NIOCore
import SRT
import Streams
import TestSupport
import Testing

@testable import Gateways

/// The gateway over real sockets, with callers of the room SRT.
@Suite(.againstHanging) struct SRTGatewayTests {
    private let streams = StreamDirectory()

    private func with(
        _ change: (inout SRTGateway.Configuration) -> Void = { _ in }, log: LogText = LogText(), _ body: (SRTGateway, Int) async throws -> Void
    ) async throws {
        var configuration = SRTGateway.Configuration()
        configuration.host = "127.0.0.1"
        configuration.port = 0
        // Whoever is silent here stays: a busy machine must not decide a test.
        configuration.idleTimeout = .minutes(5)
        change(&configuration)
        let gate = TestGate(streams: self.streams)
        let logger = log.logger
        let gateway = SRTGateway(configuration: configuration, gate: gate, playGate: gate, streams: self.streams, logger: logger)
        let port = try gateway.start()
        do {
            try await body(gateway, port)
        } catch {
            await gateway.stop()
            throw error
        }
        await gateway.stop()
    }

    /// On a thread of its own, because it waits.
    private func call(_ port: Int, _ streamID: String) async -> Result<SRTSocket, SRTFailure> {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                var parameters = SRTParameters()
                parameters.streamID = streamID
                let result = Result { () throws(SRTFailure) in
                    guard let address = SRTAddress(literal: "127.0.0.1", port: port) else {
                        throw SRTFailure(cause: .invalidParameter, operation: "test", text: "no address")
                    }
                    return try SRTCaller(address: address, parameters: parameters).connect(within: 60_000)
                }
                continuation.resume(returning: result)
            }
        }
    }

    /// A transport stream of two seconds, in datagrams.
    private func datagrams() throws -> [[UInt8]] {
        let folder = try TestFolder("srt")
        try Tool.output(
            of: "ffmpeg",
            [
                "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=25:duration=2", "-f", "lavfi", "-i", "sine=duration=2", "-c:v",
                "libx264",
                "-preset", "ultrafast", "-g", "25", "-c:a", "aac", folder.path("clip.ts"),
            ])
        let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: folder.path("clip.ts"))))
        return stride(from: 0, to: bytes.count, by: 1_316).map { Array(bytes[$0..<min($0 + 1_316, bytes.count)]) }
    }

    @Test func framesGoInAndATransportStreamComesOut() async throws {
        try await self.with { gateway, port in
            let publisher = try await self.call(port, "publish:demo").get()
            for datagram in try self.datagrams() { #expect(datagram.withUnsafeBytes { publisher.send($0) } == .taken) }
            try await eventually("the stream is live") { self.streams.find(StreamKey("demo"))?.isLive == true }
            let snapshot = try #require(self.streams.find(StreamKey("demo"))?.snapshot(now: .now()))
            #expect(snapshot.tracks.map(\.codec) == [.h264, .aac] && snapshot.type == .rtmp)  // as the gate of these tests says

            let viewer = try await self.call(port, "read:demo").get()
            try viewer.waitWhenReceiving(milliseconds: 10_000)
            let first = await withCheckedContinuation { (continuation: CheckedContinuation<[UInt8], Never>) in
                Thread.detachNewThread {
                    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2_048, alignment: 16)
                    defer { buffer.deallocate() }
                    guard case .datagram(let size) = viewer.receive(into: buffer) else { return continuation.resume(returning: []) }
                    continuation.resume(returning: Array(buffer.prefix(size)))
                }
            }
            // Seven packets, of which the second is the program association table.
            #expect(first.count == 1_316 && first.dropFirst(188).prefix(3).elementsEqual([0x47, 0x40, 0x00]))
            try await eventually("both are counted") { gateway.statistics.viewers == 1 && gateway.statistics.publishers == 1 }
            try await eventually("and looked at") { gateway.statistics.receivedPackets > 0 && gateway.statistics.sentPackets > 0 }
            viewer.close()
            publisher.close()
            try await eventually("nobody is left") { gateway.statistics.viewers + gateway.statistics.publishers == 0 }
            #expect(self.streams.find(StreamKey("demo"))?.isLive != true)
            #expect(gateway.statistics.receivedPackets > 0 && gateway.statistics.sentPackets > 0, "what ended still counts")
        }
    }

    @Test func moreThanTheLimitAreTurnedAway() async throws {
        try await self.with({ $0.maxConnections = 1 }) { gateway, port in
            let first = try await self.call(port, "publish:a").get()
            try await eventually("it is counted") { gateway.statistics.publishers == 1 }
            guard case .failure(let failure) = await self.call(port, "publish:b") else {
                Issue.record("it was let in")
                return
            }
            #expect(failure.cause == .rejected(.overload))
            // A caller that is not answered soon says its handshake again, and is refused again.
            #expect(Array(gateway.statistics.refusedTotal.keys) == [1402])
            first.close()
        }
    }

    @Test(arguments: ["live/demo;token=geheim", "live/demo&token=geheim", "read:demo/geheim/x", "publish:demo;geheim"])
    func whatAPeerSaysInsteadOfAnIDIsNotLogged(streamID: String) async throws {
        let log = LogText()
        try await self.with({ $0.maxConnections = 0 }, log: log) { gateway, port in
            _ = await self.call(port, streamID)
            _ = await self.call(port, "publish:plain-id_1.x")
            #expect(gateway.statistics.refusedTotal.values.reduce(0, +) >= 2)
        }
        let refused = log.lines.filter { $0.contains("refused") }
        #expect(refused.contains { $0.contains("plain-id_1.x") } && refused.contains { !$0.contains("plain-id_1.x") })
        #expect(!log.lines.contains { $0.contains("geheim") }, "\(log.lines)")
    }

    /// What only `admit` knows comes behind the handshake.
    @Test func whoIsRefusedLateIsDisconnected() async throws {
        try await self.with { gateway, port in
            let outcome = await self.call(port, "publish:forbidden")
            try await eventually("it was sent away") {
                gateway.statistics.publishers == 0 && Array(gateway.statistics.refusedTotal.keys) == [1404]
            }
            switch outcome {
            case .success(let caller): try await eventually("and knows") { !caller.isConnected }
            // It looked when it was sent away again already. One that is refused in the handshake is told why.
            case .failure(let failure): #expect(failure.cause == .connectionLost)
            }
        }
    }

    @Test func stoppingEndsEveryConnectionAndGivesThePortBack() async throws {
        // None that the kernel could give to others meanwhile.
        let free = try freePort()
        try await self.with({ $0.port = free }) { gateway, port in
            #expect(port == free)
            let caller = try await self.call(port, "publish:demo").get()
            try await eventually("it is counted") { gateway.statistics.publishers == 1 }
            await gateway.stop()
            #expect(gateway.statistics.publishers == 0)
            try await eventually("the caller knows") { !caller.isConnected }
            try await self.with({ $0.port = port }) { _, again in #expect(again == port) }
        }
    }

    @Test func aPortThatIsTakenIsTold() async throws {
        try await self.with { _, port in
            await #expect(throws: SRTGateway.NotListening.self) { try await self.with({ $0.port = port }) { _, _ in } }
        }
    }
}
