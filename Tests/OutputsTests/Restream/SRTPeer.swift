import Foundation
import SRT
import Synchronization

/// How much has come so far.
final class ByteCount: Sendable {
    let value = Atomic<Int>(0)
}

/// A listener of the room SRT on a port of the kernel's choice, for pushes.
final class SRTPeer: Sendable {
    let port: Int
    /// Those that were let in.
    let arrivals = EventLog<SRTSocket>()
    private let listener: SRTListener

    init(_ answer: SRTListener.Answer = .accept(passphrase: nil)) throws {
        let arrivals = self.arrivals
        self.listener = SRTListener(
            parameters: SRTParameters(), decide: { _ in answer },
            accepted: { socket, _ in
                // One that has ended by now takes no options any more: who reads from it finds it lost, and no answer that says to come again.
                do { try socket.waitWhenReceiving(milliseconds: 30_000) } catch { socket.close() }
                arrivals.add(socket)
            })
        self.port = try self.listener.start(host: "127.0.0.1", port: 0)
    }

    func stop() async {
        await withCheckedContinuation { continuation in self.listener.stop { continuation.resume() } }
    }

    /// Bytes of what comes, until the peer goes.
    static func read(_ socket: SRTSocket) async -> Int {
        await Self.collect(socket, most: .max).count
    }

    /// What comes, until there is so much or the peer goes. On a thread of its own, because it waits.
    static func collect(_ socket: SRTSocket, most: Int, counting count: ByteCount = ByteCount()) async -> [UInt8] {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 2_048, alignment: 16)
                defer { buffer.deallocate() }
                var bytes: [UInt8] = []
                while bytes.count < most, case .datagram(let size) = socket.receive(into: buffer) {
                    bytes += buffer.prefix(size)
                    count.value.store(bytes.count, ordering: .relaxed)
                }
                continuation.resume(returning: bytes)
            }
        }
    }
}
