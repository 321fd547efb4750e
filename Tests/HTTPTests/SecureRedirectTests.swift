import NIOCore
import NIOHTTP1
import Synchronization
import TestSupport
import Testing

@testable import HTTP

@Suite struct SecureRedirectTests {
    private func request(_ target: String, method: ReadyRequest.Method = .get, host: String? = "example.org:5080") -> ReadyRequest {
        ReadyRequest(method: method, target: target, fields: host.map { ["Host": $0] } ?? [:])
    }

    private func location(_ response: ReadyResponse?) -> String? { response?.headers.first { $0.0 == "Location" }?.1 }

    @Test func theAddressIsKeptButForSchemeAndPort() throws {
        let redirect = SecureRedirect(port: 5443)
        let answer = redirect.answer(to: self.request("/live/play.html?id=a%20b"))
        #expect(answer?.status == 301)
        #expect(self.location(answer) == "https://example.org:5443/live/play.html?id=a%20b")
        #expect(self.location(SecureRedirect(port: 443).answer(to: self.request("/"))) == "https://example.org/")
        #expect(self.location(redirect.answer(to: self.request("/", host: "[2001:db8::1]:5080"))) == "https://[2001:db8::1]:5443/")
    }

    @Test func otherMethodsKeepTheirBody() {
        #expect(SecureRedirect(port: 1).answer(to: self.request("/", method: .other("POST")))?.status == 308)
        #expect(SecureRedirect(port: 1).answer(to: self.request("/", method: .head))?.status == 301)
    }

    @Test(arguments: ["/healthz", "/liveness", "/readyz", "/metrics", "/.well-known/acme-challenge/abc"]) func probesAreAnsweredHere(path: String) {
        #expect(SecureRedirect(port: 5443).answer(to: self.request(path)) == nil)
    }

    @Test(arguments: ["/healthz/x", "/healthzz", "/.well-known/other", "/"]) func whatOnlyLooksLikeAProbeIsNot(path: String) {
        #expect(SecureRedirect(port: 5443).answer(to: self.request(path))?.status == 301)
    }

    @Test(arguments: [nil, "", "a b", "evil.org/path", "a\"b", "[::1", String(repeating: "a", count: 300)] as [String?])
    func aHostThatIsNoneGets400(host: String?) {
        #expect(SecureRedirect(port: 5443).answer(to: self.request("/", host: host))?.status == 400)
    }

    @Test(.againstHanging) func thePlainPortRedirectsBothPaths() async throws {
        try await TestServer.run(redirect: SecureRedirect(port: 5443, exemptPaths: ["/fast/health"])) { server in
            let client = try await server.connect()
            try await client.send(Wire.get("/fast/1") + Wire.get("/routed") + Wire.get("/fast/health", "Connection: close\r\n"))
            let text = try await client.readToEnd()
            #expect(Wire.statuses(text) == [301, 301, 200])
            #expect(text.contains("Location: https://x:5443/routed\r\n"))
            #expect(server.counters.routedRequests.load(ordering: .relaxed) == 0)
        }
    }
}
