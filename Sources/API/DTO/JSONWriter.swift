import NIOCore

/// Something that has a JSON form.
protocol JSONWritable {
    func write(to writer: inout JSONWriter)
}

/// Writes JSON into a buffer, members in the order in which they are given, nil as `null`. Everything it writes is valid JSON by construction.
struct JSONWriter {
    /// Most answers fit.
    private(set) var buffer = ByteBufferAllocator().buffer(capacity: 4 << 10)
    /// Whether the next member or element needs a comma before it.
    private var needsComma = false

    mutating func object(_ members: (inout JSONWriter) -> Void) {
        self.open("{")
        members(&self)
        self.close("}")
    }

    mutating func array<Element>(_ elements: some Sequence<Element>, _ write: (inout JSONWriter, Element) -> Void) {
        self.open("[")
        for element in elements { write(&self, element) }
        self.close("]")
    }

    mutating func member(_ name: StaticString, _ value: String?) {
        self.key(name)
        self.value(value)
    }

    mutating func member(_ name: StaticString, _ value: some FixedWidthInteger) {
        self.key(name)
        if value == 0 { self.raw("0") } else { self.raw(text: String(value)) }
    }

    mutating func member(_ name: StaticString, _ value: (some FixedWidthInteger)?) {
        if let value { self.member(name, value) } else { self.null(name) }
    }

    mutating func member(_ name: StaticString, _ value: Bool?) {
        if let value { self.member(name, value) } else { self.null(name) }
    }

    private mutating func null(_ name: StaticString) {
        self.key(name)
        self.raw("null")
    }

    mutating func member(_ name: StaticString, _ value: Bool) {
        self.key(name)
        self.raw(value ? "true" : "false")
    }

    /// Numbers that JSON cannot say become 0.
    mutating func member(_ name: StaticString, _ value: Double) {
        self.key(name)
        self.raw(text: (value.isFinite ? value : 0).description)
    }

    mutating func member(_ name: StaticString, _ value: (some JSONWritable)?) {
        self.key(name)
        if let value { value.write(to: &self) } else { self.raw("null") }
    }

    mutating func member(_ name: StaticString, _ values: [some JSONWritable]?) {
        self.key(name)
        if let values { self.array(values) { $1.write(to: &$0) } } else { self.raw("null") }
    }

    mutating func member(_ name: StaticString, texts: [String]) {
        self.key(name)
        self.array(texts) { $0.value($1) }
    }

    mutating func value(_ text: String?) {
        self.comma()
        if let text { self.quote(text) } else { self.buffer.writeStaticString("null") }
        self.needsComma = true
    }

    private mutating func raw(_ text: StaticString) {
        self.comma()
        self.buffer.writeStaticString(text)
        self.needsComma = true
    }

    private mutating func raw(text: String) {
        self.comma()
        self.buffer.writeString(text)
        self.needsComma = true
    }

    /// With its comma, quotation marks and colon in one go: a broadcast has some eighty of them.
    private mutating func key(_ name: StaticString) {
        let bytes = UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        let needsComma = self.needsComma
        self.buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: bytes.count + 4) { target in
            var place = 0
            func put(_ byte: UInt8) {
                target[place] = byte
                place += 1
            }
            if needsComma { put(UInt8(ascii: ",")) }
            put(UInt8(ascii: "\""))
            UnsafeMutableRawBufferPointer(rebasing: target[place...]).copyMemory(from: bytes)
            place += bytes.count
            put(UInt8(ascii: "\""))
            put(UInt8(ascii: ":"))
            return place
        }
        self.needsComma = false
    }

    private mutating func comma() {
        if self.needsComma { self.buffer.writeInteger(UInt8(ascii: ",")) }
    }

    private mutating func open(_ bracket: StaticString) {
        self.comma()
        self.buffer.writeStaticString(bracket)
        self.needsComma = false
    }

    private mutating func close(_ bracket: StaticString) {
        self.buffer.writeStaticString(bracket)
        self.needsComma = true
    }

    /// RFC 8259 §7: quotation mark, reverse solidus and control characters are escaped; everything else stands for itself.
    private mutating func quote(_ text: String) {
        self.buffer.writeInteger(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { bytes in
            if bytes.contains(where: { $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\") }) {
                for byte in bytes { self.escape(byte) }
            } else {
                self.buffer.writeBytes(bytes)
            }
        }
        self.buffer.writeInteger(UInt8(ascii: "\""))
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): self.buffer.writeStaticString("\\\"")
        case UInt8(ascii: "\\"): self.buffer.writeStaticString("\\\\")
        case UInt8(ascii: "\n"): self.buffer.writeStaticString("\\n")
        case UInt8(ascii: "\r"): self.buffer.writeStaticString("\\r")
        case UInt8(ascii: "\t"): self.buffer.writeStaticString("\\t")
        case 0..<0x20: self.buffer.writeString(byte < 0x10 ? "\\u000\(String(byte, radix: 16))" : "\\u00\(String(byte, radix: 16))")
        default: self.buffer.writeInteger(byte)
        }
    }
}

/// A bare JSON array.
struct JSONList<Element: JSONWritable>: JSONWritable {
    var elements: [Element]

    init(_ elements: [Element]) { self.elements = elements }

    func write(to writer: inout JSONWriter) { writer.array(self.elements) { $1.write(to: &$0) } }
}
