import NIOCore

#if canImport(Multipart)
import Multipart
#else
import HTTP
#endif

/// What the fuzzer of forms does with its bytes; `HTTPTests` replays the corpus through it.
enum MultipartEntry {
    private struct Reading: Equatable {
        var events: [String] = []
        var bytes: [[UInt8]] = []
        var failure: MultipartParser.Failure?
    }

    /// The first byte is the size of the pieces of a second reading, the boundary is `b`. Nil, or the property that does not hold.
    static func run(_ input: [UInt8]) -> String? {
        guard let first = input.first else { return nil }
        let body = Array(input.dropFirst())
        let whole = self.read([ByteBuffer(bytes: body)])
        let size = Int(first) + 1
        let split = self.read(stride(from: 0, to: body.count, by: size).map { ByteBuffer(bytes: body[$0..<min(body.count, $0 + size)]) })
        guard whole == split else { return "any split gives the same parts" }
        guard whole.bytes.reduce(0, { $0 + $1.count }) <= body.count else { return "no more comes out than went in" }
        _ = MultipartParser.boundary(ofContentType: String(decoding: body, as: UTF8.self))
        return nil
    }

    private static func read(_ pieces: [ByteBuffer]) -> Reading {
        var reading = Reading()
        do throws(MultipartParser.Failure) {
            var limits = MultipartParser.Limits()
            limits.headBytes = 256
            limits.headFields = 4
            limits.parts = 8
            limits.outsideBytes = 64
            var parser = try MultipartParser(boundary: "b", limits: limits)
            for piece in pieces {
                parser.append(piece)
                while let event = try parser.next() {
                    switch event {
                    case .partBegan(let head):
                        reading.events.append("began \(head.name ?? "-") \(head.fileName ?? "-")")
                        reading.bytes.append([])
                    case .bytes(let bytes): reading.bytes[reading.bytes.count - 1] += bytes.readableBytesView
                    case .partEnded: reading.events.append("ended")
                    case .ended: reading.events.append("last")
                    }
                }
            }
            try parser.finish()
        } catch {
            reading.failure = error
        }
        return reading
    }
}
