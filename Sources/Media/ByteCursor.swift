/// Reads whole bytes of a configuration record, big-endian, checked.
struct ByteCursor {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { self.rest = bytes[...] }

    var bytesLeft: Int { self.rest.count }

    mutating func bytes(_ count: Int) throws(MediaError) -> ArraySlice<UInt8> {
        guard count >= 0, count <= self.rest.count else { throw .truncated }
        let taken = self.rest.prefix(count)
        self.rest = self.rest.dropFirst(count)
        return taken
    }

    mutating func uint8() throws(MediaError) -> UInt8 {
        guard let byte = self.rest.popFirst() else { throw .truncated }
        return byte
    }

    mutating func uint16() throws(MediaError) -> UInt16 {
        try UInt16(self.uint8()) << 8 | UInt16(self.uint8())
    }

    mutating func uint32() throws(MediaError) -> UInt32 {
        try UInt32(self.uint16()) << 16 | UInt32(self.uint16())
    }

    mutating func remainder() -> ArraySlice<UInt8> {
        defer { self.rest = [] }
        return self.rest
    }
}
