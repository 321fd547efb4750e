import Foundation
import HTTP
import NIOCore
import NIOHTTP1
import NIOPosix
import Testing

@testable import API

/// The web pages as files: what is served where, with which headers.
@Suite struct PageResponderTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Sources/API/Pages/Assets")

    private struct Media: ReadyResponder {
        func respond(to request: ReadyRequest, on eventLoop: any EventLoop) -> ReadyAnswer? {
            request.path.hasPrefix("/live/streams/") || request.path == "/docs/mine" ? .now(.text(status: 200, "media")) : nil
        }
    }

    private static func make() -> PageResponder {
        PageResponder(
            apps: ["live", "LiveApp"], compress: { text in text.readableBytes > 1000 ? ByteBuffer(string: "packed") : nil }, next: Media())
    }

    private let responder: PageResponder

    init() { self.init(responder: Self.make()) }
    private init(responder: PageResponder) { self.responder = responder }

    private func ask(_ target: String, _ method: ReadyRequest.Method = .get, _ fields: HTTPHeaders = [:]) -> ReadyResponse? {
        let request = ReadyRequest(method: method, target: target, fields: fields)
        guard case .now(let response)? = self.responder.respond(to: request, on: MultiThreadedEventLoopGroup.singleton.any()) else { return nil }
        return response
    }

    @Test func everyFileOfThePagesIsServedAsItStands() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
        #expect(Set(files) == Set(PageAsset.all.map(\.name)))
        for asset in PageAsset.all {
            let file = Self.folder.appendingPathComponent(asset.name).resolvingSymlinksInPath()
            #expect(try Data(contentsOf: file) == Data(asset.bytes), "\(asset.name)")
        }
    }

    @Test(arguments: [
        ("/", "text/html"), ("/docs", "text/html"), ("/openapi.yaml", "application/yaml"), ("/live/play.html", "text/html"),
        ("/LiveApp/play.html?id=a&token=b", "text/html"), ("/assets/play.js", "text/javascript"), ("/assets/operator.css", "text/css"),
        ("/assets/icon.svg", "image/svg+xml"), ("/favicon.ico", "image/svg+xml"),
    ])
    func eachPageHasItsPlace(target: String, type: String) throws {
        let response = try #require(self.ask(target))
        #expect(response.status == 200 && (response.body.length ?? 0) > 100)
        #expect(response.header("Content-Type")?.hasPrefix(type) == true)
        #expect(response.header("X-Content-Type-Options") == "nosniff")
    }

    @Test(arguments: [
        "/other/play.html", "/play.html", "/assets/", "/assets/../openapi.yaml", "/assets/%70lay.js", "/assets/index.html", "/assets/play.js/",
        "/v2/version", "/live/streams", "//", "/index.html",
    ])
    func otherPathsAreLeftToTheRouter(path: String) { #expect(self.ask(path) == nil) }

    @Test func mediaIsAskedFirst() throws {
        #expect(try #require(self.ask("/live/streams/demo.m3u8")).text == "media\n")
        #expect(try #require(self.ask("/docs/mine")).text == "media\n")
    }

    @Test func whatTheBrowserHasIsNotSentAgain() throws {
        let first = try #require(self.ask("/assets/engine.js"))
        let tag = try #require(first.header("ETag"))
        for field in [tag, "W/" + tag, "\"x\", " + tag, "*"] {
            let again = try #require(self.ask("/assets/engine.js", .get, ["If-None-Match": field]))
            #expect(again.status == 304 && again.body.length == 0, "\(field)")
            #expect(again.header("ETag") == tag)
        }
        #expect(try #require(self.ask("/assets/engine.js", .get, ["If-None-Match": "\"x\""])).status == 200)
        // Another process of the same version says the same.
        let other = PageResponderTests(responder: Self.make())
        #expect(try #require(other.ask("/assets/engine.js")).header("ETag") == tag)
        #expect(try #require(self.ask("/assets/hls.js")).header("ETag") != tag)
    }

    @Test func compressionIsForThoseWhoAskAndWhereItHelps() throws {
        let packed = try #require(self.ask("/assets/play.js", .get, ["Accept-Encoding": "br, gzip"]))
        #expect(packed.header("Content-Encoding") == "gzip" && packed.text == "packed" && packed.header("Vary") == "Accept-Encoding")
        let plain = try #require(self.ask("/assets/play.js"))
        #expect(plain.header("Content-Encoding") == nil && (plain.body.length ?? 0) > 1000)
        let small = try #require(self.ask("/assets/icon.svg", .get, ["Accept-Encoding": "gzip"]))
        #expect(small.header("Content-Encoding") == nil)
    }

    @Test func pagesRunNothingButTheirOwnScripts() throws {
        for target in ["/", "/docs", "/live/play.html"] {
            let response = try #require(self.ask(target))
            let policy = try #require(response.header("Content-Security-Policy"))
            #expect(policy.hasPrefix("default-src 'none'; script-src 'self';") && !policy.contains("unsafe") && !policy.contains("http"))
            // Only the player may stand in a page of another site.
            #expect(policy.contains("frame-ancestors 'none'") == (target != "/live/play.html"))
            #expect((response.header("X-Frame-Options") == "DENY") == (target != "/live/play.html"))
            #expect(response.header("Referrer-Policy") == "no-referrer")
            // What the policy would refuse is not in there either.
            #expect(!response.text.contains("style=") && !response.text.contains("onclick=") && !response.text.contains("<script>"))
        }
    }

    @Test func everythingAPageNamesIsThere() throws {
        for (page, place) in [("/", "/"), ("/docs", "/"), ("/live/play.html", "/live/")] {
            let text = try #require(self.ask(page)).text
            let names = text.matches(of: #/(?:src|href)="((?:\.\.\/)?assets\/[^"]+)"/#).map { String($0.output.1) }
            #expect(names.count >= 3, "\(page)")
            for name in names {
                let path = name.hasPrefix("../") ? "/" + name.dropFirst(3) : place + name
                #expect(self.ask(path)?.status == 200, "\(page) names \(name)")
            }
        }
        for asset in PageAsset.all where asset.name.hasSuffix(".js") {
            let text = String(decoding: asset.bytes, as: UTF8.self)
            for match in text.matches(of: #/(?:from|import\()\s*"\.\/([^"]+)"/#) {
                #expect(self.ask("/assets/\(match.output.1)")?.status == 200, "\(asset.name) imports \(match.output.1)")
            }
            #expect(!text.contains("innerHTML") && !text.contains("eval("), "\(asset.name)")
        }
    }

    @Test func pagesAreReadOnly() throws {
        #expect(try #require(self.ask("/", .head)).status == 200)
        for method in [ReadyRequest.Method.other("POST"), .other("DELETE"), .options] {
            let response = try #require(self.ask("/assets/play.js", method))
            #expect(response.status == 405 && response.header("Allow") == "GET, HEAD")
        }
    }
}
