import HTTP
import NIOCore

/// Recordings and imported files, and pictures that are files.
extension DeliveryResponder {
    func file(_ path: String, in files: MediaFiles, _ request: ReadyRequest, now: NIODeadline) -> ReadyResponse {
        guard let type = MediaType.ofFile(path), let file = files.find(path, now: now) else { return DeliveryHeaders.notFound }
        var headers = [
            ("Content-Type", type), ("ETag", file.etag), ("Last-Modified", HTTPDate.format(file.modified)), ("Accept-Ranges", "bytes"),
            // A name may be used again after its file was deleted, so caches ask after a while.
            ("Cache-Control", "max-age=10"), ("X-Content-Type-Options", "nosniff"),
        ]
        headers.append(contentsOf: DeliveryHeaders.cors)
        if Self.isUnchanged(file.etag, modified: file.modified, request) { return ReadyResponse(status: 304, headers: headers) }
        let wanted: ByteRange.Parsed =
            request.method == .get && self.mayRange(file, request) ? ByteRange.parse(request.header("range"), size: file.size) : .whole
        switch wanted {
        case .whole:
            return ReadyResponse(status: 200, headers: headers, body: .file(path: file.path, offset: 0, length: file.size))
        case .range(let range):
            headers.append(("Content-Range", range.text(size: file.size)))
            return ReadyResponse(status: 206, headers: headers, body: .file(path: file.path, offset: range.offset, length: range.length))
        case .unsatisfiable:
            return ReadyResponse(status: 416, headers: headers + [("Content-Range", "bytes */\(file.size)")])
        }
    }

    /// RFC 9110 §13.2.2: the date counts only when there is no tag.
    static func isUnchanged(_ etag: String, modified: Int?, _ request: ReadyRequest) -> Bool {
        let tags = request.headers("if-none-match")
        guard tags.isEmpty else {
            return tags.contains { field in
                field.split(separator: ",").contains { tag in
                    let tag = tag.drop { $0 == " " }
                    let strong = tag.hasPrefix("W/") ? tag.dropFirst(2) : tag  // compared weakly
                    return strong == "*" || strong.trimmedEnd == etag
                }
            }
        }
        guard let modified, let since = request.header("if-modified-since").flatMap({ HTTPDate.parse($0) }) else { return false }
        return modified <= since
    }

    /// RFC 9110 §13.1.5: with If-Range a part is sent only of the very file the client has a part of.
    private func mayRange(_ file: MediaFiles.File, _ request: ReadyRequest) -> Bool {
        guard let condition = request.header("if-range") else { return true }
        return condition == file.etag || HTTPDate.parse(condition) == file.modified
    }
}

extension Substring {
    fileprivate var trimmedEnd: Substring {
        var text = self
        while text.last == " " { text.removeLast() }
        return text
    }
}
