import Broadcasts
import HTTP
import Hummingbird
import NIOCore

/// The body of an upload as it comes. Its parts `file` and `metadata` are taken, others passed over; nothing but the metadata is held in memory.
struct FormBody {
    /// How slowly a body may come: so many bytes in so much time. The connection itself ends after a minute of silence.
    static let slowest = (bytes: 64 << 10, time: TimeAmount.seconds(60))
    /// Bytes of parts that nobody wants.
    static let mostUnwanted = 1 << 20
    /// Bytes that are read of a body that is refused, and thrown away.
    static let mostDrained = 8 << 20
    /// How long that may take, all of it.
    static let longestDrain = TimeAmount.seconds(5)

    private enum Target {
        case nothing
        case file
        case metadata
    }

    private var rest: RequestBody.AsyncIterator
    private let now: @Sendable () -> NIODeadline
    /// How long the client was waited for, and what it has sent in that time. What our own disk takes is not its fault.
    private var window: (waited: TimeAmount, bytes: Int)
    private var target = Target.nothing
    private var metadata: ByteBuffer?
    private var hasFile = false
    private var unwanted = 0
    /// It has been read to its end, or cannot be read any more.
    private var isOver = false

    init(_ body: RequestBody, now: @escaping @Sendable () -> NIODeadline) {
        self.rest = body.makeAsyncIterator()
        self.now = now
        self.window = (.zero, 0)
    }

    /// Reads all of it into `upload`.
    /// - Returns: the metadata, if there is any.
    /// - Throws: `malformedForm`, also for a body that ends before its last boundary, `tooSlow`, `bodyBroken`, and what the upload throws.
    mutating func receive(into upload: VodUpload, _ start: MultipartParser) async throws(APIFault) -> String? {
        var parser = start
        while let bytes = try await self.next() {
            parser.append(bytes)
            while let event = try Self.well({ () throws(MultipartParser.Failure) in try parser.next() }) { try await self.take(event, upload) }
            try self.checkPace()
        }
        try Self.well { () throws(MultipartParser.Failure) in try parser.finish() }
        guard self.hasFile else { throw .malformedForm("The form has no part \"file\".") }
        guard let metadata = self.metadata else { return nil }
        guard let text = String(validating: metadata.readableBytesView, as: UTF8.self) else { throw .malformedForm("The metadata is not UTF-8.") }
        return text
    }

    /// Reads on and throws away, up to a limit of bytes and for so long at most, after which the connection's own limit of silence holds. The last that is
    /// read: who sends too slowly is not waited for again.
    mutating func drain(within limit: TimeAmount = Self.longestDrain) async {
        guard !self.isOver else { return }
        self.isOver = true
        let end = self.now() + limit
        var left = Self.mostDrained
        do {
            while left > 0, self.now() < end, let bytes = try await self.rest.next() { left -= bytes.readableBytes }
        } catch {
            // The answer is decided; a body that breaks off changes nothing.
            return
        }
    }

    private mutating func next() async throws(APIFault) -> ByteBuffer? {
        guard !self.isOver else { return nil }
        let start = self.now()
        do {
            let bytes = try await self.rest.next()
            self.window.waited = self.window.waited + (self.now() - start)
            self.window.bytes += bytes?.readableBytes ?? 0
            if bytes == nil { self.isOver = true }
            return bytes
        } catch {
            self.isOver = true
            throw .bodyBroken
        }
    }

    private mutating func take(_ event: MultipartParser.Event, _ upload: VodUpload) async throws(APIFault) {
        switch event {
        case .partBegan(let head):
            try self.begin(head)
        case .bytes(let bytes):
            switch self.target {
            case .file:
                try await attempt(.uploadVod, id: upload.id) { () async throws(BroadcastError) in try await upload.write(bytes) }
            case .metadata:
                guard (self.metadata?.readableBytes ?? 0) + bytes.readableBytes <= VodLibrary.longestMetadata else {
                    throw .malformedForm("The metadata is longer than \(VodLibrary.longestMetadata) bytes.")
                }
                self.metadata?.writeImmutableBuffer(bytes)
            case .nothing:
                self.unwanted += bytes.readableBytes
                guard self.unwanted <= Self.mostUnwanted else { throw .malformedForm("The form has too much in it besides the file.") }
            }
        case .partEnded:
            self.target = .nothing
        case .ended:
            break
        }
    }

    private mutating func begin(_ head: MultipartHead) throws(APIFault) {
        switch head.name {
        case "file":
            guard !self.hasFile else { throw .malformedForm("The form has two parts \"file\".") }
            self.hasFile = true
            self.target = .file
        case "metadata":
            guard self.metadata == nil else { throw .malformedForm("The form has two parts \"metadata\".") }
            self.metadata = ByteBuffer()
            self.target = .metadata
        default:
            self.target = .nothing
        }
    }

    private mutating func checkPace() throws(APIFault) {
        guard self.window.waited >= Self.slowest.time else { return }
        guard self.window.bytes >= Self.slowest.bytes else {
            self.isOver = true
            throw .tooSlow
        }
        self.window = (.zero, 0)
    }

    /// In the API's words.
    private static func well<Value>(_ body: () throws(MultipartParser.Failure) -> Value) throws(APIFault) -> Value {
        do throws(MultipartParser.Failure) {
            return try body()
        } catch {
            let words =
                switch error {
                case .boundaryInvalid, .boundaryMalformed: "A boundary of the form is not valid."
                case .headTooLarge: "The head of a part of the form is too long."
                case .headMalformed: "The head of a part of the form is not valid."
                case .tooManyParts: "The form has too many parts."
                case .tooMuchOutside: "There is too much before or behind the parts of the form."
                case .cutShort: "The form ends before its last boundary."
                }
            throw .malformedForm(words)
        }
    }
}
