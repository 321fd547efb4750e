/// The header fields of a request as they came, in one piece of memory: looked up by name, and only what is asked for becomes a string.
struct RequestFields: Sendable {
    private struct Entry {
        var start: Int
        var nameEnd: Int
        var end: Int
    }

    private var bytes: [UInt8] = []
    private var entries: [Entry] = []

    init() {}

    /// So that a head of this size is taken with two allocations.
    init(byteCount: Int, count: Int) {
        self.bytes.reserveCapacity(byteCount)
        self.entries.reserveCapacity(count)
    }

    var count: Int { self.entries.count }

    mutating func append(name: UnsafeBufferPointer<UInt8>, value: UnsafeBufferPointer<UInt8>) {
        let start = self.bytes.count
        self.bytes.append(contentsOf: name)
        let nameEnd = self.bytes.count
        self.bytes.append(contentsOf: value)
        self.entries.append(Entry(start: start, nameEnd: nameEnd, end: self.bytes.count))
    }

    mutating func append(name: String, value: String) {
        let start = self.bytes.count
        self.bytes.append(contentsOf: name.utf8)
        let nameEnd = self.bytes.count
        self.bytes.append(contentsOf: value.utf8)
        self.entries.append(Entry(start: start, nameEnd: nameEnd, end: self.bytes.count))
    }

    /// The first field of this name; letters of both cases are the same.
    func first(_ name: String) -> String? {
        for entry in self.entries where self.isNamed(name, entry) { return self.value(of: entry) }
        return nil
    }

    func all(_ name: String) -> [String] {
        var values: [String] = []
        for entry in self.entries where self.isNamed(name, entry) { values.append(self.value(of: entry)) }
        return values
    }

    func forEach(_ body: (_ name: String, _ value: String) -> Void) {
        for entry in self.entries {
            body(String(decoding: self.bytes[entry.start..<entry.nameEnd], as: UTF8.self), self.value(of: entry))
        }
    }

    private func value(of entry: Entry) -> String { String(decoding: self.bytes[entry.nameEnd..<entry.end], as: UTF8.self) }

    private func isNamed(_ name: String, _ entry: Entry) -> Bool {
        let wanted = name.utf8
        guard wanted.count == entry.nameEnd - entry.start else { return false }
        var place = entry.start
        for byte in wanted {
            guard Self.lowered(self.bytes[place]) == Self.lowered(byte) else { return false }
            place += 1
        }
        return true
    }

    private static func lowered(_ byte: UInt8) -> UInt8 { byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte }
}
