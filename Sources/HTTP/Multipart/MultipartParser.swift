public import NIOCore

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Takes a `multipart/form-data` body apart (RFC 7578, RFC 2046 §5.1.1) as it comes, keeping no more of it than the head of a part or a little less
/// than a boundary.
///
/// - `preamble`: before the first boundary; what is there is thrown away.
/// - `afterDelimiter`: behind a boundary, where the last one has two hyphens.
/// - `head`: the fields of a part.
/// - `bodyStart`: behind the head, where a boundary would mean that the part is empty.
/// - `body`: bytes of a part up to the next boundary.
/// - `epilogue`: behind the last boundary; what is there is thrown away.
///
/// The buffer begins with a line break that nobody sent, so that the first boundary is found like all others, at the start of a line.
public struct MultipartParser: Sendable {
    public struct Limits: Sendable {
        /// Bytes of a part's head.
        public var headBytes = 8 << 10
        public var headFields = 16
        public var parts = 32
        /// Bytes before the first boundary and after the last.
        public var outsideBytes = 8 << 10

        public init() {}
    }

    public enum Event: Sendable, Equatable {
        case partBegan(MultipartHead)
        /// Of the part that began last; never empty.
        case bytes(ByteBuffer)
        case partEnded
        /// The last boundary.
        case ended
    }

    public enum Failure: Error, Sendable, Equatable {
        /// RFC 2046 §5.1.1: 1 to 70 characters of a few kinds.
        case boundaryInvalid
        case headTooLarge
        case headMalformed
        case tooManyParts
        /// A boundary that is followed by neither a line break nor two hyphens.
        case boundaryMalformed
        case tooMuchOutside
        /// No last boundary: the sender went away, or forgot it.
        case cutShort
    }

    private enum State {
        case preamble
        case afterDelimiter
        case head
        case bodyStart
        case body
        case epilogue
    }

    private static let longestPadding = 64

    private let limits: Limits
    /// Line break, two hyphens, boundary.
    private let delimiter: [UInt8]
    private var state = State.preamble
    private var buffer = ByteBuffer(staticString: "\r\n")
    private var outside = 0
    private var parts = 0

    public init(boundary: String, limits: Limits = .init()) throws(Failure) {
        guard Self.isValid(boundary: boundary) else { throw .boundaryInvalid }
        self.limits = limits
        self.delimiter = Array("\r\n--\(boundary)".utf8)
    }

    /// The boundary that a Content-Type of `multipart/form-data` names; nil for any other.
    public static func boundary(ofContentType field: String) -> String? {
        guard let type = HeaderParameters(field), type.value == "multipart/form-data" else { return nil }
        return type["boundary"]
    }

    static func isValid(boundary: String) -> Bool {
        let bytes = boundary.utf8
        guard (1...70).contains(bytes.count), bytes.last != UInt8(ascii: " ") else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            default: "'()+_,-./:=? ".utf8.contains(byte)
            }
        }
    }

    /// What the body has next; `next()` says what is in it.
    public mutating func append(_ bytes: ByteBuffer) {
        guard self.buffer.readableBytes > 0 else {
            self.buffer = bytes
            return
        }
        // What is kept is short, so little is copied twice.
        var joined = ByteBuffer()
        joined.reserveCapacity(self.buffer.readableBytes + bytes.readableBytes)
        joined.writeImmutableBuffer(self.buffer)
        joined.writeImmutableBuffer(bytes)
        self.buffer = joined
    }

    /// Nil: more bytes are needed.
    public mutating func next() throws(Failure) -> Event? {
        while true {
            switch self.state {
            case .preamble:
                guard try self.skipPreamble() else { return nil }
            case .afterDelimiter:
                guard let isLast = try self.readDelimiterEnd() else { return nil }
                self.state = isLast ? .epilogue : .head
                if isLast { return .ended }
            case .head:
                guard let head = try self.readHead() else { return nil }
                self.state = .bodyStart
                return .partBegan(head)
            case .bodyStart:
                guard let isEmpty = self.beginBody() else { return nil }
                self.state = isEmpty ? .afterDelimiter : .body
                if isEmpty { return .partEnded }
            case .body:
                return self.readBody()
            case .epilogue:
                try self.skip(self.buffer.readableBytes)
                return nil
            }
        }
    }

    /// The body has ended.
    /// - Throws: `cutShort` unless its last boundary has come.
    public func finish() throws(Failure) {
        guard case .epilogue = self.state else { throw .cutShort }
    }

    /// Bytes that are kept for what comes next.
    var keptBytes: Int { self.buffer.readableBytes }

    // MARK: States

    private mutating func skip(_ count: Int) throws(Failure) {
        self.outside += count
        guard self.outside <= self.limits.outsideBytes else { throw .tooMuchOutside }
        self.buffer.moveReaderIndex(forwardBy: count)
    }

    /// Whether the first boundary was found.
    private mutating func skipPreamble() throws(Failure) -> Bool {
        guard let offset = Self.find(self.delimiter, in: self.buffer) else {
            try self.skip(max(0, self.buffer.readableBytes - (self.delimiter.count - 1)))
            return false
        }
        try self.skip(offset)
        self.buffer.moveReaderIndex(forwardBy: self.delimiter.count)
        self.state = .afterDelimiter
        return true
    }

    /// Whether the boundary that was just read is the last; nil: it cannot be told yet. The line break stays: a head without fields ends with it.
    private mutating func readDelimiterEnd() throws(Failure) -> Bool? {
        let bytes = self.buffer.readableBytesView
        guard let first = bytes.first else { return nil }
        if first == UInt8(ascii: "-") {
            guard bytes.count >= 2 else { return nil }
            guard bytes.dropFirst().first == UInt8(ascii: "-") else { throw .boundaryMalformed }
            self.buffer.moveReaderIndex(forwardBy: 2)
            return true
        }
        // RFC 2046 §5.1.1: blanks that gateways may have added.
        let padding = bytes.prefix(Self.longestPadding + 1).prefix { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }.count
        guard padding <= Self.longestPadding else { throw .boundaryMalformed }
        let lineBreak = bytes.dropFirst(padding).prefix(2)
        guard lineBreak.elementsEqual("\r\n".utf8.prefix(lineBreak.count)) else { throw .boundaryMalformed }
        guard lineBreak.count == 2 else { return nil }
        self.parts += 1
        guard self.parts <= self.limits.parts else { throw .tooManyParts }
        self.buffer.moveReaderIndex(forwardBy: padding)
        return false
    }

    /// Nil: it has not come whole. The last line break stays: the boundary behind an empty part may begin with it.
    private mutating func readHead() throws(Failure) -> MultipartHead? {
        guard let end = Self.find(Array("\r\n\r\n".utf8), in: self.buffer) else {
            guard self.buffer.readableBytes <= self.limits.headBytes + 4 else { throw .headTooLarge }
            return nil
        }
        guard end <= self.limits.headBytes else { throw .headTooLarge }
        let text = self.buffer.readableBytesView.prefix(end).dropFirst(2)
        guard let head = MultipartHead(text, mostFields: self.limits.headFields) else { throw .headMalformed }
        self.buffer.moveReaderIndex(forwardBy: end + 2)
        return head
    }

    /// Whether the part is empty; nil: it cannot be told yet.
    private mutating func beginBody() -> Bool? {
        let start = self.buffer.readableBytesView.prefix(self.delimiter.count)
        if start.elementsEqual(self.delimiter.prefix(start.count)) {
            guard start.count == self.delimiter.count else { return nil }
            self.buffer.moveReaderIndex(forwardBy: start.count)
            return true
        }
        self.buffer.moveReaderIndex(forwardBy: 2)
        return false
    }

    private mutating func readBody() -> Event? {
        let count: Int
        if let offset = Self.find(self.delimiter, in: self.buffer) {
            guard offset > 0 else {
                self.buffer.moveReaderIndex(forwardBy: self.delimiter.count)
                self.state = .afterDelimiter
                return .partEnded
            }
            count = offset
        } else {
            // The end of it may be the beginning of a boundary.
            count = self.buffer.readableBytes - (self.delimiter.count - 1)
        }
        guard count > 0, let slice = self.buffer.readSlice(length: count) else { return nil }
        return .bytes(slice)
    }

    /// Where `needle`, which begins with a carriage return, first stands.
    private static func find(_ needle: [UInt8], in buffer: ByteBuffer) -> Int? {
        buffer.withUnsafeReadableBytes { bytes in
            guard let start = bytes.baseAddress else { return nil }
            var offset = 0
            while bytes.count - offset >= needle.count {
                let left = bytes.count - offset - needle.count + 1
                guard let found = memchr(start + offset, Int32(needle[0]), left) else { return nil }
                offset = UnsafeRawPointer(found) - start
                if memcmp(found, needle, needle.count) == 0 { return offset }
                offset += 1
            }
            return nil
        }
    }
}
