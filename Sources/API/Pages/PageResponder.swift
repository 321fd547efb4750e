public import HTTP
public import NIOCore

/// Serves the web pages: the operator's at `/`, the player at `/{app}/play.html`, the API's description at `/docs` and `/openapi.yaml`, and what
/// they are made of below `/assets/`. Asked after the media's responder, so that playlists and segments pay nothing for it. Owned by the
/// composition root.
public final class PageResponder: ReadyResponder {
    private struct Page {
        let plain: ReadyBody
        let packed: ReadyBody?
        let etag: String
        let headers: [(String, String)]
    }

    private let next: any ReadyResponder
    private let pages: [String: Page]

    /// - Parameters:
    ///   - apps: the application and its other names; each has the player.
    ///   - compress: gzip of a text; nil when it cannot. Called once for each file, here.
    ///   - next: whoever is asked first.
    public init(apps: [String], compress: (ByteBuffer) -> ByteBuffer? = { _ in nil }, next: any ReadyResponder) {
        self.next = next
        var pages: [String: Page] = [:]
        for asset in PageAsset.all {
            let bytes = ByteBuffer(bytes: asset.bytes)
            let packed = compress(bytes).flatMap { $0.readableBytes < bytes.readableBytes ? $0 : nil }
            let page = Page(
                plain: .buffer(bytes), packed: packed.map { .buffer($0) }, etag: asset.etag,
                headers: [
                    ("Content-Type", asset.type), ("ETag", asset.etag), ("Vary", "Accept-Encoding"), ("X-Content-Type-Options", "nosniff"),
                    // Asked for each time, answered with 304: a new version of the server is a new version of its pages at once.
                    ("Cache-Control", "no-cache"),
                ] + asset.policy)
            for path in Self.paths(of: asset, apps: apps) { pages[path] = page }
        }
        self.pages = pages
    }

    /// As `openapi.yaml` has them.
    static let templates = ["/", "/docs", "/openapi.yaml", "/favicon.ico", "/assets/{name}", "/{app}/play.html"]

    private static func paths(of asset: PageAsset, apps: [String]) -> [String] {
        switch asset.name {
        case "index.html": ["/"]
        case "docs.html": ["/docs"]
        case "openapi.yaml": ["/openapi.yaml"]
        case "play.html": apps.map { "/\($0)/play.html" }
        case "icon.svg": ["/assets/icon.svg", "/favicon.ico"]
        default: ["/assets/\(asset.name)"]
        }
    }

    public func respond(to request: ReadyRequest, on eventLoop: any EventLoop) -> ReadyAnswer? {
        if let answer = self.next.respond(to: request, on: eventLoop) { return answer }
        guard let page = self.pages[request.path] else { return nil }
        guard request.method == .get || request.method == .head else {
            return .now(.text(status: 405, "Method Not Allowed", headers: [("Allow", "GET, HEAD")]))
        }
        if Self.isKnown(page.etag, to: request) { return .now(ReadyResponse(status: 304, headers: page.headers)) }
        if let packed = page.packed, DeliveryResponder.acceptsGzip(request.header("accept-encoding")) {
            return .now(ReadyResponse(status: 200, headers: page.headers + [("Content-Encoding", "gzip")], body: packed))
        }
        return .now(ReadyResponse(status: 200, headers: page.headers, body: page.plain))
    }

    /// RFC 9110 §13.1.2, compared weakly.
    private static func isKnown(_ etag: String, to request: ReadyRequest) -> Bool {
        request.headers("if-none-match").contains { field in
            field.split(separator: ",").contains { tag in
                let tag = tag.filter { $0 != " " }
                return tag == "*" || (tag.hasPrefix("W/") ? tag.dropFirst(2) : tag[...]) == etag
            }
        }
    }
}
