import Foundation
import Testing

@testable import SRT

/// A listener on a port of the kernel's choice, and what it has accepted so far.
final class SRTLoopback: Sendable {
    let port: Int
    let accepted: AsyncStream<Arrival>
    private let listener: SRTListener

    struct Arrival: Sendable {
        var socket: SRTSocket
        var request: SRTListener.Request
    }

    private init(port: Int, accepted: AsyncStream<Arrival>, listener: SRTListener) {
        self.port = port
        self.accepted = accepted
        self.listener = listener
    }

    static func run(
        _ parameters: SRTParameters = SRTParameters(),
        decide: @escaping @Sendable (SRTListener.Request) -> SRTListener.Answer = { _ in
            .accept(passphrase: nil)
        }, failed: @escaping @Sendable (SRTListener.Request, SRTRejection) -> Void = { _, _ in }, _ body: (SRTLoopback) async throws -> Void
    ) async throws {
        let (stream, continuation) = AsyncStream<Arrival>.makeStream()
        let listener = SRTListener(
            parameters: parameters, decide: decide, accepted: { continuation.yield(Arrival(socket: $0, request: $1)) }, failed: failed)
        let port = try listener.start(host: "127.0.0.1", port: 0)
        do {
            try await body(SRTLoopback(port: port, accepted: stream, listener: listener))
        } catch {
            await Self.stop(listener)
            throw error
        }
        await Self.stop(listener)
    }

    /// Let in, and not arrived yet.
    var expectedCount: Int { self.listener.expectedCount }

    private static func stop(_ listener: SRTListener) async {
        await withCheckedContinuation { continuation in listener.stop { continuation.resume() } }
    }

    /// The next connection that came about.
    func next() async throws -> Arrival {
        var iterator = self.accepted.makeAsyncIterator()
        return try #require(await iterator.next())
    }

    func connect(_ streamID: String = "", passphrase: String? = nil, within milliseconds: Int = 60_000) async -> Result<SRTSocket, SRTFailure> {
        await Self.connect(to: self.port, streamID, passphrase: passphrase, within: milliseconds)
    }

    static func connect(
        to port: Int, _ streamID: String = "", passphrase: String? = nil, within milliseconds: Int = 60_000
    ) async -> Result<SRTSocket, SRTFailure> {
        var parameters = SRTParameters()
        parameters.streamID = streamID
        parameters.passphrase = passphrase
        return await Self.connect(to: port, parameters, within: milliseconds) { _ in }
    }

    /// `began` gets the caller before it connects.
    static func connect(
        to port: Int, _ parameters: SRTParameters, within milliseconds: Int, began: @escaping @Sendable (SRTCaller) -> Void
    ) async -> Result<SRTSocket, SRTFailure> {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                guard let address = SRTAddress(literal: "127.0.0.1", port: port) else {
                    return continuation.resume(
                        returning: .failure(SRTFailure(cause: .invalidParameter, operation: "test", text: "no address")))
                }
                let caller = SRTCaller(address: address, parameters: parameters)
                began(caller)
                continuation.resume(returning: Result { () throws(SRTFailure) in try caller.connect(within: milliseconds) })
            }
        }
    }

    /// What comes on a socket that waits, until there are `count` datagrams or something else; on a thread of its own.
    static func receive(_ count: Int, on socket: SRTSocket) async -> ([[UInt8]], SRTSocket.Received) {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2_048, alignment: 16)
                defer { buffer.deallocate() }
                var datagrams: [[UInt8]] = []
                var last = SRTSocket.Received.nothing
                while datagrams.count < count {
                    last = socket.receive(into: buffer)
                    guard case .datagram(let size) = last else { break }
                    datagrams.append(Array(buffer.prefix(size)))
                }
                continuation.resume(returning: (datagrams, last))
            }
        }
    }
}
