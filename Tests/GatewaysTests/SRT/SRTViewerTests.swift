import Foundation
import Media
import NIOCore
import SRT
import TestSupport
import Testing

@testable import Gateways

/// One viewer over a real connection, with a log and a clock of the test's own. Every message is one datagram that begins with its number.
@Suite(.againstHanging) struct SRTViewerTests {
    private static let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)
    private static let headers = UInt8(255)

    /// The viewer, and the socket of who watches.
    private func with(_ parameters: SRTParameters = SRTParameters(), _ body: (SRTViewer, SRTSocket) async throws -> Void) async throws {
        let (accepted, continuation) = AsyncStream<SRTSocket>.makeStream()
        let listener = SRTListener(
            parameters: parameters, decide: { _ in .accept(passphrase: nil) }, accepted: { socket, _ in continuation.yield(socket) })
        let port = try listener.start(host: "127.0.0.1", port: 0)
        let address = try #require(SRTAddress(literal: "127.0.0.1", port: port))
        let result: Result<SRTSocket, SRTFailure> = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(
                    returning: Result { () throws(SRTFailure) in
                        try SRTCaller(address: address, parameters: parameters).connect(within: 60_000)
                    })
            }
        }
        let watching = try result.get()
        var iterator = accepted.makeAsyncIterator()
        let socket = try #require(await iterator.next())
        let connection = SRTConnection(number: 1, role: .viewer, subject: "demo", socket: socket)
        try await body(SRTViewer(connection, now: Self.start), watching)
        await withCheckedContinuation { continuation in listener.stop { continuation.resume() } }
    }

    private func log(bytes: Int = 10 << 20) -> MessageLog {
        var log = MessageLog(limits: .init(bytes: bytes, duration: MediaTime(milliseconds: 2_000)))
        log.setHeaders(Self.datagram(Self.headers))
        return log
    }

    private static func datagram(_ number: UInt8) -> ByteBuffer { ByteBuffer(repeating: number, count: SRTParameters.payloadSize) }

    /// One picture every 10 ms, a keyframe every ten.
    private func add(_ numbers: Range<Int>, to log: inout MessageLog) {
        for number in numbers {
            log.append(
                Self.datagram(UInt8(number)), kind: .video, time: MediaTime(milliseconds: Int64(number) * 10), isStart: number.isMultiple(of: 10))
        }
    }

    private func serve(_ viewer: SRTViewer, _ log: MessageLog, after time: TimeAmount) -> SRTViewer.Outcome {
        var shared = SRTViewer.SharedBatch()
        return viewer.serve(from: log, shared: &shared, now: Self.start + time)
    }

    /// The first bytes of the next datagrams.
    private func receive(_ count: Int, on socket: SRTSocket) async throws -> [UInt8] {
        try socket.waitWhenReceiving(milliseconds: 60_000)
        return await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2_048, alignment: 16)
                defer { buffer.deallocate() }
                var numbers: [UInt8] = []
                while numbers.count < count, case .datagram = socket.receive(into: buffer) { numbers.append(buffer[0]) }
                continuation.resume(returning: numbers)
            }
        }
    }

    @Test func whoFellOutOfTheLogGoesOnAtTheNewestKeyframe() async throws {
        try await self.with { viewer, watching in
            var log = self.log(bytes: 20 * SRTParameters.payloadSize)
            self.add(0..<5, to: &log)
            #expect(self.serve(viewer, log, after: .zero) == .hasEverything)
            #expect(viewer.skips == 0)
            // It is not served for a while, and the log forgets what it has not had.
            self.add(5..<58, to: &log)
            #expect(self.serve(viewer, log, after: .seconds(1)) == .hasEverything)
            #expect(viewer.skips == 1)
            self.add(58..<60, to: &log)
            #expect(self.serve(viewer, log, after: .seconds(2)) == .hasEverything)
            #expect(viewer.skips == 1)
            let first: [UInt8] = [Self.headers, 0, 1, 2, 3, 4]
            let second: [UInt8] = [Self.headers] + (50..<60).map { UInt8($0) }
            let received = try await self.receive(first.count + second.count, on: watching)
            #expect(received == first + second)
        }
    }

    /// All of it at once would be lost in the first queue of a real way.
    @Test func whatLiesReadyWhenAViewerJoinsIsGivenAtTwiceTheRate() async throws {
        // What is lost and what is late would be left out, and what waits for too long held back: a busy machine is given time for both.
        var parameters = SRTParameters()
        parameters.latency = 5_000
        try await self.with(parameters) { viewer, watching in
            var log = self.log()
            // One group of two seconds and 2.6 MB.
            for number in 0..<200 {
                var bytes = ByteBuffer()
                for _ in 0..<10 { bytes.writeImmutableBuffer(Self.datagram(UInt8(number))) }
                log.append(bytes, kind: .video, time: MediaTime(milliseconds: Int64(number) * 10), isStart: number == 0)
            }
            var turns = 0
            while self.serve(viewer, log, after: .milliseconds(Int64(turns) * 20)) == .isBusy, turns < 1_000 { turns += 1 }
            // Without the quarter of a second that may leave at first, 1.75 s of it: 0.875 s.
            #expect((40...48).contains(turns), "\(turns)")
            #expect(viewer.skips == 0)
            let all = try await self.receive(2_001, on: watching)
            #expect(all == [Self.headers] + (0..<2_000).map { UInt8($0 / 10) })
        }
    }
}
