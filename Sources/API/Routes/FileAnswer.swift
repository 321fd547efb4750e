import Broadcasts
import HTTPTypes
import Hummingbird
import NIOCore

/// A file of the library as an attachment, read as the client takes it.
struct FileAnswer: Sendable, Equatable {
    let reader: VodReader
    /// For the client; letters, digits, `-`, `_` and `.`.
    let name: String

    func response(_ common: HTTPFields) -> Response {
        var headers = common
        headers[.contentType] = MediaType.mp4
        headers[.contentDisposition] = "attachment; filename=\"\(self.name)\""
        let reader = self.reader
        return Response(
            status: .ok, headers: headers,
            body: ResponseBody(contentLength: reader.length) { writer in
                var offset = 0
                while offset < reader.length {
                    // Only a broken connection tells that the promised length cannot be kept.
                    guard let piece = await reader.read(at: offset) else { throw CutShort() }
                    offset += piece.readableBytes
                    try await writer.write(piece)
                }
                try await writer.finish(nil)
            })
    }

    struct CutShort: Error {}

    static func == (left: FileAnswer, right: FileAnswer) -> Bool { left.reader === right.reader && left.name == right.name }
}
