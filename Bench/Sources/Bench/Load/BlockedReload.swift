import Glibc

/// One request for what is not there yet: when its answer came.
final class BlockedReload: Pollable {
    private(set) var descriptor: Int32
    private(set) var answeredAt: UInt64?
    private(set) var isGood = false
    private let request: [UInt8]

    init(path: String, port: UInt16, loop: LoadLoop) throws(LoadFailure) {
        self.request = Array("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nUser-Agent: bench\r\n\r\n".utf8)
        self.descriptor = try Socket.connect(port: port)
        try loop.watch(self, writable: true)
    }

    func writable(_ loop: LoadLoop) throws(LoadFailure) {
        try loop.watch(self, nowWritable: false)
        _ = send(self.descriptor, self.request, self.request.count, Int32(MSG_NOSIGNAL))
    }

    func readable(_ loop: LoadLoop) throws(LoadFailure) {
        let count = recv(self.descriptor, loop.readBuffer.baseAddress, loop.readBuffer.count, 0)
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        if self.answeredAt == nil {
            self.answeredAt = monotonicNow()
            self.isGood = count > 12 && loop.readBuffer[..<12].elementsEqual("HTTP/1.1 200".utf8)
        }
        if count <= 0 { self.close(loop) }
    }

    func close(_ loop: LoadLoop) {
        guard self.descriptor >= 0 else { return }
        loop.forget(self.descriptor)
        Glibc.close(self.descriptor)
        self.descriptor = -1
    }
}
