import CNGHTTP2

/// The fields of one answer on their way into nghttp2, which copies them. Kept and used again, so that an answer allocates nothing for it.
struct HTTP2FieldBlock: Sendable {
    private struct Field: Sendable {
        var nameStart: Int
        var valueStart: Int
        var end: Int
        /// Different in each answer, so that remembering it for the next one (RFC 7541 §2.3.2) would only push out what is not.
        var isUnique = false
    }

    private var bytes: [UInt8] = []
    private var fields: [Field] = []
    // Safe: written and read within one call of `withFields`; what it points to is this value's own.
    private nonisolated(unsafe) var pairs: [nghttp2_nv] = []

    mutating func begin(status: Int) {
        self.bytes.removeAll(keepingCapacity: true)
        self.fields.removeAll(keepingCapacity: true)
        self.bytes.append(contentsOf: ":status".utf8)
        let start = self.bytes.count
        if status == 200 { self.bytes.append(contentsOf: "200".utf8) } else { self.bytes.append(contentsOf: String(status).utf8) }
        self.fields.append(Field(nameStart: 0, valueStart: start, end: self.bytes.count))
    }

    mutating func beginTrailers() {
        self.bytes.removeAll(keepingCapacity: true)
        self.fields.removeAll(keepingCapacity: true)
    }

    /// Names become lower case. What HTTP/1.1 alone knows (RFC 9113 §8.2.2) and what would split a field there is left out.
    mutating func add(_ name: String, _ value: String, isUnique: Bool = false) {
        guard ResponseHead.isName(name), ResponseHead.isValue(value) else { return }
        let start = self.bytes.count
        for byte in name.utf8 {
            self.bytes.append(byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte)
        }
        guard !Self.isOfConnection(self.bytes[start...]) else {
            self.bytes.removeSubrange(start...)
            return
        }
        let valueStart = self.bytes.count
        self.bytes.append(contentsOf: value.utf8)
        self.fields.append(Field(nameStart: start, valueStart: valueStart, end: self.bytes.count, isUnique: isUnique))
    }

    /// What another block holds, which has no status.
    mutating func add(_ block: HTTP2FieldBlock) {
        let start = self.bytes.count
        self.bytes.append(contentsOf: block.bytes)
        for field in block.fields {
            self.fields.append(Field(nameStart: start + field.nameStart, valueStart: start + field.valueStart, end: start + field.end))
        }
    }

    /// Of a lower-case name and a value that are known to be clean.
    mutating func add(clean name: StaticString, _ value: String, isUnique: Bool = false) {
        let start = self.bytes.count
        self.bytes.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        let valueStart = self.bytes.count
        self.bytes.append(contentsOf: value.utf8)
        self.fields.append(Field(nameStart: start, valueStart: valueStart, end: self.bytes.count, isUnique: isUnique))
    }

    private static let namesOfConnection = ["connection", "transfer-encoding", "keep-alive", "upgrade", "proxy-connection"].map { Array($0.utf8) }

    private static func isOfConnection(_ name: ArraySlice<UInt8>) -> Bool {
        guard let first = name.first, first == 0x63 || first == 0x74 || first == 0x6B || first == 0x75 || first == 0x70 else { return false }
        return self.namesOfConnection.contains { $0.elementsEqual(name) }
    }

    /// The pointers are good during `body` only.
    mutating func withFields<Result>(_ body: (UnsafePointer<nghttp2_nv>?, Int) -> Result) -> Result {
        self.pairs.removeAll(keepingCapacity: true)
        return self.bytes.withUnsafeMutableBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return body(nil, 0) }
            for field in self.fields {
                self.pairs.append(
                    nghttp2_nv(
                        name: base + field.nameStart, value: base + field.valueStart, namelen: field.valueStart - field.nameStart,
                        valuelen: field.end - field.valueStart,
                        flags: UInt8((field.isUnique ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE).rawValue)))
            }
            return self.pairs.withUnsafeBufferPointer { body($0.baseAddress, $0.count) }
        }
    }
}
