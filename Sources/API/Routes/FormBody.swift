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

    private enum Target {
        case nothing
        case file
        case metadata
    }

    private var rest: RequestBody.AsyncIterator
    private let now: @Sendable () -> NIODeadline
    private var window: (start: NIODeadline, bytes: Int)
    private var target = Target.nothing
    private var metadata: ByteBuffer?
    private var hasFile = false
    private var unwanted = 0
    /// It has been read to its end, or cannot be read any more.
    private var isOver = false

    init(_ body: RequestBody, now: @escaping @Sendable () -> NIODeadline) {
        self.rest = body.makeAsyncIterator()
        self.now = now
        self.window = (now(), 0)
    }

    /// Reads all of it into `upload`.
    /// - Returns: the metadata, if there is any.
    /// - Throws: `malformedForm`, also for a body that ends before its last boundary, `tooSlow`, `bodyBroken`, and what the upload throws.
    mutating func receive(into upload: VodUpload, _ start: MultipartParser) async throws(APIFault) -> String? {
        var parser = start
        while let bytes = try await self.next() {
            parser.append(bytes)
            while let event = try Self.well({ () throws(MultipartParser.Failure) in try parser.next() }) { try await self.take(event, upload) }
            try self.checkPace(bytes.readableBytes)
        }
        try Self.well { () throws(MultipartParser.Failure) in try parser.finish() }
        guard self.hasFile else { throw .malformedForm("The form has no part \"file\".") }
        guard let metadata = self.metadata else { return nil }
        guard let text = String(validating: metadata.readableBytesView, as: UTF8.self) else { throw .malformedForm("The metadata is not UTF-8.") }
        return text
    }

    /// Reads on and throws away, up to a limit.
    mutating func drain() async {
        var left = Self.mostDrained
        do throws(APIFault) {
            while left > 0, let bytes = try await self.next() {
                left -= bytes.readableBytes
                try self.checkPace(bytes.readableBytes)
            }
        } catch {
            // The answer is decided, and who does not send is not waited for.
            return
        }
    }

    private mutating func next() async throws(APIFault) -> ByteBuffer? {
        guard !self.isOver else { return nil }
        do {
            let bytes = try await self.rest.next()
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

    private mutating func checkPace(_ count: Int) throws(APIFault) {
        self.window.bytes += count
        let now = self.now()
        guard now - self.window.start >= Self.slowest.time else { return }
        guard self.window.bytes >= Self.slowest.bytes else { throw .tooSlow }
        self.window = (now, 0)
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
