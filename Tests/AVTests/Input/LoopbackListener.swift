import AV
import Foundation
import Glibc
import Testing

/// Accepts in its backlog and never answers; or hands out one fixed answer to the first who asks.
final class LoopbackListener: Sendable {
    let descriptor: Int32
    let port: Int

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.descriptor = descriptor
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0 && listen(descriptor, 8) == 0 && getsockname(descriptor, address, &length) == 0
            }
        }
        try #require(bound)
        self.port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(self.descriptor) }

    /// On a thread of its own: reads what one peer asks, answers with `bytes`, and hangs up when `end` is signalled.
    func answerOnce(_ bytes: Data, until end: WakeSignal? = nil) {
        let descriptor = self.descriptor
        Thread.detachNewThread {
            let peer = accept(descriptor, nil, nil)
            var buffer = [UInt8](repeating: 0, count: 4096)
            _ = recv(peer, &buffer, buffer.count, 0)
            bytes.withUnsafeBytes { bytes in
                var sent = 0
                while sent < bytes.count {
                    let count = send(peer, bytes.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
                    guard count > 0 else { break }
                    sent += count
                }
            }
            end?.wait(until: WakeSignal.now() + 3_600_000_000_000)
            close(peer)
        }
    }

    func answerOnce(_ text: String) { self.answerOnce(Data(text.utf8)) }
}
