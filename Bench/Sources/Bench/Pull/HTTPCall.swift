import Glibc

/// One request to Martlet over a connection of its own, waited for. For what is done before and after a measurement, never within.
struct HTTPCall {
    let status: Int
    let body: String

    private static let answerLimit = 16 << 20

    init(_ method: String, _ path: String, json: String = "", port: UInt16) throws(LoadFailure) {
        guard let parts = Self.parts(of: try Self.answer(to: method, path, json: json, port: port)) else {
            throw .malformed("the answer to \(method) \(path)")
        }
        (self.status, self.body) = parts
    }

    /// The body of a file.
    static func bytes(_ path: String, port: UInt16) throws(LoadFailure) -> [UInt8] {
        let answer = try Self.answer(to: "GET", path, json: "", port: port)
        guard answer.starts(with: "HTTP/1.1 200".utf8), let end = answer.prefix(4096).firstOffset(of: "\r\n\r\n") else {
            throw .malformed("the answer to GET \(path)")
        }
        return Array(answer[(end + 4)...])
    }

    private static func answer(to method: String, _ path: String, json: String, port: UInt16) throws(LoadFailure) -> [UInt8] {
        let descriptor = try Socket.connect(port: port)
        defer { close(descriptor) }
        let head = "\(method) \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n"
        var rest = Array("\(head)Content-Type: application/json\r\nContent-Length: \(json.utf8.count)\r\n\r\n\(json)".utf8)[...]
        while !rest.isEmpty {
            try Self.wait(descriptor, for: POLLOUT, path)
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 || errno == EAGAIN || errno == EINTR else { throw .lastError(of: path) }
            rest = rest.dropFirst(max(0, count))
        }
        var answer: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while answer.count < Self.answerLimit {
            try Self.wait(descriptor, for: POLLIN, path)
            let count = recv(descriptor, &piece, piece.count, 0)
            if count == 0 { break }
            guard count > 0 || errno == EAGAIN || errno == EINTR else { throw .lastError(of: path) }
            answer += piece[..<max(0, count)]
        }
        return answer
    }

    /// The text of an answer whose length its head says or that ends with its connection. Martlet does not send short answers in chunks.
    static func parts(of answer: [UInt8]) -> (status: Int, body: String)? {
        guard let end = answer.firstOffset(of: "\r\n\r\n") else { return nil }
        let lines = String(decoding: answer[..<end], as: UTF8.self).lowercased().split(separator: "\r\n")
        let words = (lines.first ?? "").split(separator: " ")
        guard words.count >= 2, words[0].hasPrefix("http/1."), let status = Int(words[1]) else { return nil }
        guard !lines.contains(where: { $0.hasPrefix("transfer-encoding:") }) else { return nil }
        let body = answer[(end + 4)...]
        if let line = lines.first(where: { $0.hasPrefix("content-length:") }) {
            guard Int(line.dropFirst(15).filter { $0 != " " }) == body.count else { return nil }
        }
        return (status, String(decoding: body, as: UTF8.self))
    }

    private static func wait(_ descriptor: Int32, for events: Int32, _ path: String) throws(LoadFailure) {
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        let count = poll(&entry, 1, 30_000)
        if Interruption.hasHappened { throw .interrupted }
        guard count > 0 || count < 0 && errno == EINTR else { throw .timedOut(path) }
    }
}
