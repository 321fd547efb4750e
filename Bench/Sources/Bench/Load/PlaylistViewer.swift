import Glibc

/// Asks for one playlist every two seconds over a kept connection, as a player of live HLS does, and looks whether there are segments in it.
final class PlaylistViewer: Pollable, Timed {
    private static let interval: UInt64 = 2_000_000_000
    private static let answerLimit = 1 << 20

    /// Answers with status 200 and a segment in them.
    private(set) var good = 0
    /// Other answers, and connections closed instead of one.
    private(set) var bad = 0
    private(set) var descriptor: Int32 = -1
    private let port: UInt16
    private let request: [UInt8]
    private var answer: [UInt8] = []
    private var isWaiting = false

    init(path: String, port: UInt16) {
        self.port = port
        self.request = Array("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n".utf8)
    }

    func close(_ loop: LoadLoop) {
        guard self.descriptor >= 0 else { return }
        loop.forget(self.descriptor)
        Glibc.close(self.descriptor)
        self.descriptor = -1
    }

    func fire(now: UInt64, loop: LoadLoop) throws(LoadFailure) -> UInt64? {
        // A slow answer is waited for; one that never comes leaves the viewer without a playlist.
        if self.isWaiting { return now + Self.interval }
        self.answer.removeAll(keepingCapacity: true)
        self.isWaiting = true
        if self.descriptor < 0 {
            self.descriptor = try Socket.connect(port: self.port)
            // Sent when the connection is there.
            try loop.watch(self, writable: true)
        } else {
            try self.writable(loop)
        }
        return now + Self.interval
    }

    func writable(_ loop: LoadLoop) throws(LoadFailure) {
        try loop.watch(self, nowWritable: false)
        // So short a request goes whole into an empty socket; where it does not, no answer comes.
        _ = send(self.descriptor, self.request, self.request.count, Int32(MSG_NOSIGNAL))
    }

    func readable(_ loop: LoadLoop) throws(LoadFailure) {
        let count = recv(self.descriptor, loop.readBuffer.baseAddress, loop.readBuffer.count, 0)
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        guard count > 0, self.answer.count + count <= Self.answerLimit else {
            self.finish(isGood: false)
            self.close(loop)
            return
        }
        self.answer.append(contentsOf: loop.readBuffer[..<count])
        if let isGood = Self.judge(self.answer) { self.finish(isGood: isGood) }
    }

    private func finish(isGood: Bool) {
        guard self.isWaiting else { return }
        self.isWaiting = false
        if isGood { self.good += 1 } else { self.bad += 1 }
    }

    /// Whether a whole answer is a playlist with segments; nil while it is not whole.
    static func judge(_ bytes: [UInt8]) -> Bool? {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = bytes.firstOffset(of: "\r\n\r\n") else { return nil }
        let head = String(decoding: bytes[..<end], as: UTF8.self).lowercased()
        let body = bytes.count - end - 4
        if let line = head.split(separator: "\r\n").first(where: { $0.hasPrefix("content-length:") }) {
            guard let length = Int(line.dropFirst(15).filter { $0 != " " }) else { return false }
            guard body >= length else { return nil }
        } else if head.contains("transfer-encoding: chunked") {
            guard text.hasSuffix("0\r\n\r\n") else { return nil }
        }
        return head.hasPrefix("http/1.1 200") && text.contains("#EXTINF")
    }
}
