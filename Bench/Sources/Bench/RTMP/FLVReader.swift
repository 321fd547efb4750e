/// Goes through the tags of an FLV file of H.264 and AAC (Adobe FLV 10.1, annex E).
struct FLVReader {
    enum Kind { case metadata, audioConfiguration, videoConfiguration, audio, video }

    struct Tag {
        var kind: Kind
        /// Milliseconds.
        var timestamp: UInt32
        var body: [UInt8]
    }

    private let bytes: [UInt8]
    private var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func skipHeader() throws(LoadFailure) {
        guard self.bytes.count > 13, self.bytes.starts(with: Array("FLV".utf8)) else { throw .malformed("the clip is no FLV file") }
        self.position = 9 + 4
    }

    /// The next tag the generator sends; nil at the end of the file or of its last whole tag.
    mutating func next() -> Tag? {
        while self.position + 11 <= self.bytes.count {
            let header = self.bytes[self.position..<self.position + 11]
            let at = { (place: Int) in Int(header[header.startIndex + place]) }
            let length = at(1) << 16 | at(2) << 8 | at(3)
            let timestamp = UInt32(at(7) << 24 | at(4) << 16 | at(5) << 8 | at(6))
            let start = self.position + 11
            guard start + length + 4 <= self.bytes.count else { return nil }
            self.position = start + length + 4
            let body = Array(self.bytes[start..<start + length])
            if let kind = Self.kind(type: at(0), body) { return Tag(kind: kind, timestamp: timestamp, body: body) }
        }
        return nil
    }

    private static func kind(type: Int, _ body: [UInt8]) -> Kind? {
        guard body.count > 5 || type == 8 && body.count >= 2 else { return nil }
        switch (type, body[1]) {
        case (18, _): return .metadata
        case (8, 0): return .audioConfiguration
        case (8, _): return .audio
        case (9, 0): return .videoConfiguration
        case (9, 1): return .video
        // The end of the sequence: the clip goes on from its beginning.
        default: return nil
        }
    }
}
