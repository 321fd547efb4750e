import Glibc

/// A player of live HLS: asks for the playlist every two seconds over a kept connection, plain or TLS, and fetches each new segment once. What it
/// gets is counted and thrown away.
final class HLSPlayer: Pollable, Timed {
    private static let interval: UInt64 = 2_000_000_000
    private static let playlistLimit = 1 << 20

    private enum Wanted: Equatable {
        case playlist
        case segment
    }

    private enum Phase {
        case connecting
        case shaking
        case idle
        case head(Wanted)
        case body(Wanted, left: Int)
        case closed
    }

    private(set) var descriptor: Int32 = -1
    private(set) var receivedBytes: UInt64 = 0
    private(set) var playlists = 0
    private(set) var segments = 0
    /// Answers other than 200, and connections the server closed.
    private(set) var bad = 0
    private let port: UInt16
    private let folder: String
    private let name: String
    private let isSecure: Bool
    private var phase = Phase.closed
    private var tls: TLSClient?
    private var cookie = ""
    private var bytes: [UInt8] = []
    private var queue: [String] = []
    private var seen: Set<String> = []

    /// `folder` ends with a slash.
    init(folder: String, name: String, port: UInt16, isSecure: Bool) {
        self.folder = folder
        self.name = name
        self.port = port
        self.isSecure = isSecure
    }

    func close(_ loop: LoadLoop) {
        guard self.descriptor >= 0 else { return }
        loop.forget(self.descriptor)
        self.tls = nil
        Glibc.close(self.descriptor)
        self.descriptor = -1
        self.phase = .closed
    }

    func fire(now: UInt64, loop: LoadLoop) throws(LoadFailure) -> UInt64? {
        switch self.phase {
        case .closed:
            self.descriptor = try Socket.connect(port: self.port)
            self.phase = .connecting
            try loop.watch(self, writable: true)
        case .idle:
            self.ask(.playlist, self.name, loop)
        default: break  // late, which its bytes will show
        }
        return now + Self.interval
    }

    func writable(_ loop: LoadLoop) throws(LoadFailure) {
        try loop.watch(self, nowWritable: false)
        guard case .connecting = self.phase else { return }
        guard self.isSecure else { return self.ask(.playlist, self.name, loop) }
        self.tls = try TLSClient(descriptor: self.descriptor)
        self.phase = .shaking
        self.shake(loop)
    }

    private func shake(_ loop: LoadLoop) {
        switch self.tls?.shakeHands() {
        case .done: self.ask(.playlist, self.name, loop)
        case .waits: break
        case .closed, nil: self.fail(loop)
        }
    }

    private func ask(_ wanted: Wanted, _ name: String, _ loop: LoadLoop) {
        let cookie = self.cookie.isEmpty ? "" : "Cookie: \(self.cookie)\r\n"
        let head = "GET \(self.folder)\(name) HTTP/1.1\r\nHost: 127.0.0.1:\(self.port)\r\n"
        let request = Array("\(head)User-Agent: bench\r\nAccept: */*\r\n\(cookie)\r\n".utf8)
        self.bytes.removeAll(keepingCapacity: true)
        self.phase = .head(wanted)
        // So short a request goes whole into an empty socket; where it does not, no answer comes.
        if let tls = self.tls {
            _ = tls.write(request)
        } else {
            _ = send(self.descriptor, request, request.count, Int32(MSG_NOSIGNAL))
        }
    }

    func readable(_ loop: LoadLoop) throws(LoadFailure) {
        if case .shaking = self.phase { return self.shake(loop) }
        while self.descriptor >= 0 {
            let count: Int
            if let tls = self.tls {
                switch tls.read(into: loop.readBuffer) {
                case .done(let read): count = read
                case .waits: return
                case .closed: return self.fail(loop)
                }
            } else {
                count = recv(self.descriptor, loop.readBuffer.baseAddress, loop.readBuffer.count, 0)
                if count < 0, errno == EAGAIN || errno == EINTR { return }
                guard count > 0 else { return self.fail(loop) }
            }
            self.receivedBytes += UInt64(count)
            self.take(UnsafeRawBufferPointer(rebasing: loop.readBuffer[..<count]), loop)
            // TLS may hold more that no event will tell of.
            if self.tls == nil { return }
        }
    }

    private func take(_ piece: UnsafeRawBufferPointer, _ loop: LoadLoop) {
        switch self.phase {
        case .head(let wanted):
            self.bytes.append(contentsOf: piece)
            guard let end = self.bytes.firstOffset(of: "\r\n\r\n") else { return }
            let head = String(decoding: self.bytes[..<end], as: UTF8.self)
            guard head.hasPrefix("HTTP/1.1 200"), let length = Self.field("content-length", of: head).flatMap({ Int($0) }),
                wanted == .segment || length <= Self.playlistLimit
            else { return self.fail(loop) }
            if let set = Self.field("set-cookie", of: head) { self.cookie = String(set.prefix { $0 != ";" }) }
            self.bytes.removeFirst(end + 4)
            self.phase = .body(wanted, left: length - self.bytes.count)
        case .body(let wanted, let left):
            if wanted == .playlist { self.bytes.append(contentsOf: piece) }
            self.phase = .body(wanted, left: left - piece.count)
        default: return self.fail(loop)
        }
        if case .body(let wanted, left: 0) = self.phase { self.finish(wanted, loop) }
    }

    private func finish(_ wanted: Wanted, _ loop: LoadLoop) {
        self.phase = .idle
        if wanted == .playlist {
            self.playlists += 1
            let names = String(decoding: self.bytes, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
            // It begins with the newest.
            self.queue = self.seen.isEmpty ? names.suffix(1) : names.filter { !self.seen.contains($0) }
            self.seen = Set(names)
        } else {
            self.segments += 1
        }
        if !self.queue.isEmpty { self.ask(.segment, self.queue.removeFirst(), loop) }
    }

    private func fail(_ loop: LoadLoop) {
        self.bad += 1
        self.close(loop)
    }

    private static func field(_ name: String, of head: String) -> String? {
        let line = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name + ":") }
        return line.map { String($0.dropFirst(name.count + 1).drop { $0 == " " }) }
    }
}
