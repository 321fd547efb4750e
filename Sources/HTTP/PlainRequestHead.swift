/// The head of a request such as players send by the thousand: GET or HEAD over HTTP/1.1 for a path, without a body and without a word about the
/// connection. Reading it so costs a fraction of what the full parser takes.
///
/// What is not read here is not wrong: the full parser gets those bytes untouched. Whatever is read here the full parser would take as well, and
/// would understand the same: every byte is checked, and the least doubt (a length, a coding, an upgrade, a folded line, a bare line end, bytes
/// above ASCII) leaves it to that one, so there is no second opinion on where a request ends.
struct PlainRequestHead {
    var isHead: Bool
    /// In origin form.
    var target: String
    var fields: RequestFields
    /// With the empty line.
    var byteCount: Int

    static func read(_ bytes: UnsafeRawBufferPointer, limits: HTTPLimits) -> PlainRequestHead? {
        var reader = Reader(bytes: bytes.bindMemory(to: UInt8.self))
        let isHead: Bool
        if reader.skip("GET /") { isHead = false } else if reader.skip("HEAD /") { isHead = true } else { return nil }
        let targetStart = reader.place - 1
        guard reader.skipTarget() else { return nil }
        let target = targetStart..<reader.place
        guard target.count <= limits.targetBytes, reader.skip(" HTTP/1.1\r\n") else { return nil }
        var fields = RequestFields(byteCount: min(bytes.count, limits.headBytes), count: 8)
        var hosts = 0
        while !reader.skip("\r\n") {
            guard fields.count < limits.headerFields, let (name, value) = reader.readField() else { return nil }
            switch Self.meaning(of: name) {
            case .harmless: break
            case .host: hosts += 1
            case .connection: guard Self.isKeepAlive(value) else { return nil }
            case .decisive: return nil
            }
            fields.append(name: name, value: value)
        }
        // RFC 9112 §3.2.
        guard hosts == 1, reader.place <= limits.headBytes else { return nil }
        return PlainRequestHead(
            isHead: isHead, target: String(decoding: reader.bytes[target], as: UTF8.self), fields: fields, byteCount: reader.place)
    }

    private enum Meaning {
        case harmless
        case host
        case connection
        /// Of the body, of the connection, or of what the client expects before it goes on.
        case decisive
    }

    private static func meaning(of name: UnsafeBufferPointer<UInt8>) -> Meaning {
        switch name.count {
        case 4: self.equals(name, "host") ? .host : .harmless
        case 6: self.equals(name, "expect") ? .decisive : .harmless
        case 7: self.equals(name, "upgrade") || self.equals(name, "trailer") ? .decisive : .harmless
        case 10: self.equals(name, "connection") ? .connection : self.equals(name, "keep-alive") ? .decisive : .harmless
        case 14: self.equals(name, "content-length") || self.equals(name, "http2-settings") ? .decisive : .harmless
        case 16: self.equals(name, "proxy-connection") ? .decisive : .harmless
        case 17: self.equals(name, "transfer-encoding") ? .decisive : .harmless
        default: .harmless
        }
    }

    private static func isKeepAlive(_ value: UnsafeBufferPointer<UInt8>) -> Bool { self.equals(value, "keep-alive") }

    /// `lower` has no capital letters.
    private static func equals(_ bytes: UnsafeBufferPointer<UInt8>, _ lower: StaticString) -> Bool {
        guard bytes.count == lower.utf8CodeUnitCount else { return false }
        for (index, byte) in bytes.enumerated() {
            let letter = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
            if letter != lower.utf8Start[index] { return false }
        }
        return true
    }
}

/// Walks over the bytes of a head; nothing beyond them is looked at.
private struct Reader {
    let bytes: UnsafeBufferPointer<UInt8>
    var place = 0

    mutating func skip(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard self.bytes.count - self.place >= count else { return false }
        for index in 0..<count where self.bytes[self.place + index] != text.utf8Start[index] { return false }
        self.place += count
        return true
    }

    /// Up to the blank after it, which must be there.
    mutating func skipTarget() -> Bool {
        while self.place < self.bytes.count {
            let byte = self.bytes[self.place]
            if byte == 0x20 { return true }
            guard byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "#") else { return false }
            self.place += 1
        }
        return false
    }

    /// One line with its end; the value without blanks around it.
    mutating func readField() -> (name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>)? {
        let nameStart = self.place
        while self.place < self.bytes.count, Self.isToken(self.bytes[self.place]) { self.place += 1 }
        let nameEnd = self.place
        guard nameEnd > nameStart, self.place < self.bytes.count, self.bytes[self.place] == UInt8(ascii: ":") else { return nil }
        self.place += 1
        while self.place < self.bytes.count, self.bytes[self.place] == 0x20 { self.place += 1 }
        let valueStart = self.place
        while self.place < self.bytes.count, self.bytes[self.place] >= 0x20, self.bytes[self.place] < 0x7F { self.place += 1 }
        var valueEnd = self.place
        guard self.skip("\r\n") else { return nil }
        // A line that goes on is obsolete, and a way to be read in two ways (RFC 9112 §5.2).
        guard self.place < self.bytes.count, self.bytes[self.place] != 0x20, self.bytes[self.place] != 0x09 else { return nil }
        while valueEnd > valueStart, self.bytes[valueEnd - 1] == 0x20 { valueEnd -= 1 }
        return (
            UnsafeBufferPointer(rebasing: self.bytes[nameStart..<nameEnd]), UnsafeBufferPointer(rebasing: self.bytes[valueStart..<valueEnd])
        )
    }

    /// RFC 9110 §5.6.2.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"),
            UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "^"), UInt8(ascii: "`"), UInt8(ascii: "|"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
