public import NIOCore

/// Reads AMF0 values from untrusted bytes. Counts on the wire are never believed: memory is taken as values really arrive.
///
/// Two leniencies, both seen in the wild: an object or ECMA array whose end marker is missing ends with the bytes; and a value in AMF3
/// that is not a simple one is read as `undefined` and ends the reading, because its length cannot be known.
public struct AMF0Decoder: Sendable {
    public struct Limits: Sendable, Equatable {
        public var depth = 32
        /// All values together, the ones in objects and arrays included.
        public var values = 4096
        public var bytes = 256 << 10

        public init(depth: Int = 32, values: Int = 4096, bytes: Int = 256 << 10) {
            self.depth = depth
            self.values = values
            self.bytes = bytes
        }
    }

    private var buffer: ByteBuffer
    private let limits: Limits
    private var depth = 0
    private var values = 0

    public init(_ buffer: ByteBuffer, limits: Limits = Limits()) throws(AMF0Error) {
        guard buffer.readableBytes <= limits.bytes else { throw .tooLarge(bytes: buffer.readableBytes, limit: limits.bytes) }
        self.buffer = buffer
        self.limits = limits
    }

    /// The next value, or nil at the end of the bytes.
    public mutating func next() throws(AMF0Error) -> AMF0Value? {
        guard let marker = self.buffer.readInteger(as: UInt8.self) else { return nil }
        return try self.value(marker)
    }

    /// All values up to the end.
    public static func decodeAll(_ buffer: ByteBuffer, limits: Limits = Limits()) throws(AMF0Error) -> [AMF0Value] {
        var decoder = try AMF0Decoder(buffer, limits: limits)
        var values: [AMF0Value] = []
        while let value = try decoder.next() { values.append(value) }
        return values
    }

    private mutating func value(_ marker: UInt8) throws(AMF0Error) -> AMF0Value {
        self.values += 1
        guard self.values <= self.limits.values else { throw .tooManyValues(limit: self.limits.values) }
        switch marker {
        case 0x00: return .number(try self.double())
        case 0x01: return .boolean(try self.integer(UInt8.self) != 0)
        case 0x02: return .string(try self.text(Int(try self.integer(UInt16.self))))
        case 0x05: return .null
        case 0x06: return .undefined
        case 0x07: return .reference(try self.integer())
        case 0x0B: return .date(milliseconds: try self.double(), timeZone: try self.integer())
        case 0x0C: return .longString(try self.text(Int(try self.integer(UInt32.self))))
        case 0x0D: return .unsupported
        case 0x0F: return .xmlDocument(try self.text(Int(try self.integer(UInt32.self))))
        case 0x03, 0x08, 0x0A, 0x10: return try self.container(marker)
        case 0x11: return try self.amf3()
        default: throw .unknownMarker(marker)
        }
    }

    private mutating func container(_ marker: UInt8) throws(AMF0Error) -> AMF0Value {
        guard self.depth < self.limits.depth else { throw .tooDeep(limit: self.limits.depth) }
        self.depth += 1
        defer { self.depth -= 1 }
        switch marker {
        case 0x03:
            return .object(try self.properties())
        case 0x08:
            // The count is a hint that many encoders get wrong; the end marker decides.
            _ = try self.integer(UInt32.self)
            return .ecmaArray(try self.properties())
        case 0x10:
            let className = try self.text(Int(try self.integer(UInt16.self)))
            return .typedObject(className: className, try self.properties())
        default:
            let count = try self.integer(UInt32.self)
            // Every element takes a byte at least.
            guard Int(count) <= self.buffer.readableBytes else { throw .truncated }
            var elements: [AMF0Value] = []
            for _ in 0..<count {
                guard let element = try self.next() else { throw .truncated }
                elements.append(element)
            }
            return .strictArray(elements)
        }
    }

    private mutating func properties() throws(AMF0Error) -> AMF0Object {
        var object = AMF0Object()
        while self.buffer.readableBytes > 0 {
            let name = try self.text(Int(try self.integer(UInt16.self)))
            let marker = try self.integer(UInt8.self)
            if marker == 0x09, name.isEmpty { break }
            object.append(name, try self.value(marker))
        }
        return object
    }

    /// The simple values of AMF3 (AMF3 §3.2 to §3.8). A string by reference has nothing to refer to here.
    private mutating func amf3() throws(AMF0Error) -> AMF0Value {
        switch try self.integer(UInt8.self) {
        case 0x00: return .undefined
        case 0x01: return .null
        case 0x02: return .boolean(false)
        case 0x03: return .boolean(true)
        case 0x04:
            let raw = try self.amf3Integer()
            return .number(Double(raw & 0x1000_0000 == 0 ? Int32(raw) : Int32(raw) - 0x2000_0000))
        case 0x05: return .number(try self.double())
        case 0x06:
            let header = try self.amf3Integer()
            if header & 1 == 1 { return .string(try self.text(Int(header >> 1))) }
            return .undefined
        default:
            self.buffer.moveReaderIndex(to: self.buffer.writerIndex)
            return .undefined
        }
    }

    /// U29: seven bits in each of the first three bytes, eight in the fourth (AMF3 §1.3.1).
    private mutating func amf3Integer() throws(AMF0Error) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<3 {
            let byte = try self.integer(UInt8.self)
            value = value << 7 | UInt32(byte & 0x7F)
            if byte & 0x80 == 0 { return value }
        }
        return value << 8 | UInt32(try self.integer(UInt8.self))
    }

    private mutating func integer<Integer: FixedWidthInteger>(_: Integer.Type = Integer.self) throws(AMF0Error) -> Integer {
        guard let value = self.buffer.readInteger(as: Integer.self) else { throw .truncated }
        return value
    }

    private mutating func double() throws(AMF0Error) -> Double { Double(bitPattern: try self.integer(UInt64.self)) }

    /// Bytes that are not UTF-8 become replacement characters: encoders send Latin-1 and worse in `encoder` and comments.
    private mutating func text(_ length: Int) throws(AMF0Error) -> String {
        guard let text = self.buffer.readString(length: length) else { throw .truncated }
        return text
    }
}
