public import NIOCore

/// Writes AMF0 values (AMF0 §2).
public enum AMF0Encoder {
    public static func encode(_ value: AMF0Value, into out: inout ByteBuffer) {
        switch value {
        case .number(let number): Self.writeDouble(0x00, number, &out)
        case .boolean(let flag): out.writeMultipleIntegers(UInt8(0x01), UInt8(flag ? 1 : 0))
        case .string(let text):
            // A short string cannot be longer; the long form reads the same.
            if text.utf8.count <= 0xFFFF { Self.writeShort(0x02, text, &out) } else { Self.writeLong(0x0C, text, &out) }
        case .object(let object):
            out.writeInteger(UInt8(0x03))
            Self.writeProperties(object, &out)
        case .null: out.writeInteger(UInt8(0x05))
        case .undefined: out.writeInteger(UInt8(0x06))
        case .reference(let index): out.writeMultipleIntegers(UInt8(0x07), index)
        case .ecmaArray(let object):
            out.writeMultipleIntegers(UInt8(0x08), UInt32(truncatingIfNeeded: object.properties.count))
            Self.writeProperties(object, &out)
        case .strictArray(let values):
            out.writeMultipleIntegers(UInt8(0x0A), UInt32(truncatingIfNeeded: values.count))
            for value in values { Self.encode(value, into: &out) }
        case .date(let milliseconds, let timeZone):
            Self.writeDouble(0x0B, milliseconds, &out)
            out.writeInteger(timeZone)
        case .longString(let text): Self.writeLong(0x0C, text, &out)
        case .unsupported: out.writeInteger(UInt8(0x0D))
        case .xmlDocument(let text): Self.writeLong(0x0F, text, &out)
        case .typedObject(let className, let object):
            Self.writeShort(0x10, className, &out)
            Self.writeProperties(object, &out)
        }
    }

    public static func encode(_ values: [AMF0Value]) -> ByteBuffer {
        var out = ByteBuffer()
        for value in values { Self.encode(value, into: &out) }
        return out
    }

    private static func writeDouble(_ marker: UInt8, _ number: Double, _ out: inout ByteBuffer) {
        out.writeMultipleIntegers(marker, number.bitPattern)
    }

    private static func writeShort(_ marker: UInt8, _ text: String, _ out: inout ByteBuffer) {
        out.writeInteger(marker)
        Self.writeName(text, &out)
    }

    private static func writeLong(_ marker: UInt8, _ text: String, _ out: inout ByteBuffer) {
        out.writeMultipleIntegers(marker, UInt32(truncatingIfNeeded: text.utf8.count))
        out.writeString(text)
    }

    /// Names have 16 bits for their length. A longer one is cut: none of ours is, and a peer cannot have sent one.
    private static func writeName(_ text: String, _ out: inout ByteBuffer) {
        let bytes = text.utf8.prefix(0xFFFF)
        out.writeInteger(UInt16(truncatingIfNeeded: bytes.count))
        out.writeBytes(bytes)
    }

    private static func writeProperties(_ object: AMF0Object, _ out: inout ByteBuffer) {
        for property in object.properties {
            Self.writeName(property.name, &out)
            Self.encode(property.value, into: &out)
        }
        out.writeMultipleIntegers(UInt16(0), UInt8(0x09))
    }
}
