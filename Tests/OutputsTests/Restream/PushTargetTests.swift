import Testing

@testable import Outputs

@Suite struct PushTargetTests {
    @Test(arguments: [
        "rtmp://a.rtmp.youtube.com/live2/abcd-efgh-ijkl",
        "rtmps://live-api-s.facebook.com:443/rtmp/FB-123-0-abc?s_bl=1&s_ps=1",
        "rtmp://my-host.example:1936/app/instance/key",
        "rtmps://fa723fc1b171.global-contribute.live-video.net/sk_key",
        "RTMP://HOST/app/key",
        "rtmp://127.0.0.1:1935/live/key",
        "rtmp://[::1]:1935/live/key",
        "srt://host.example:4200?streamid=publish:key",
        "srt://[2001:db8::1]:4200",
    ]) func goodURLsMayBeStored(url: String) {
        #expect(Destination.validate(url: url) == nil)
    }

    @Test(arguments: [
        ("http://example.com/live/key", DestinationURLError.unsupportedScheme),
        ("https://example.com/live/key", .unsupportedScheme),
        ("192.168.1.10", .unsupportedScheme),
        ("192.168.1.10/live/key", .unsupportedScheme),
        ("file:///etc/passwd", .unsupportedScheme),
        ("rtmpt://host/live/key", .unsupportedScheme),
        ("rtmp:/host/live/key", .unsupportedScheme),
        ("rtmp", .unsupportedScheme),
        ("", .unsupportedScheme),
        ("rtmp:///live/key", .missingHost),
        ("rtmp://:1935/live/key", .missingHost),
        ("rtmp://ho$t/live/key", .invalidHost),
        ("rtmp://host:0/live/key", .invalidPort),
        ("rtmp://host:65536/live/key", .invalidPort),
        ("rtmp://host:/live/key", .invalidPort),
        ("rtmp://host", .missingKey),
        ("rtmp://host/", .missingKey),
        ("rtmp://host/live/", .missingKey),
        ("rtmp://host/live/a key", .invalidCharacter),
        ("rtmp://host/live/key\r\nHost: x", .invalidCharacter),
        ("rtmp://host/live/key\u{0}", .invalidCharacter),
        ("rtmp://host/live/ключ", .invalidCharacter),
        ("srt://", .missingHost),
        ("srt://:4200", .missingHost),
        ("srt://host", .invalidPort),
        ("srt://host:port", .invalidPort),
        ("srt://host:4200?x= y", .invalidCharacter),
    ]) func badURLsAreRefusedWithTheReason(url: String, error: DestinationURLError) {
        #expect(Destination.validate(url: url) == error)
        #expect(!error.description.isEmpty)
    }

    @Test func aURLMayHaveTwoThousandAndFortyEightBytes() {
        let start = "rtmp://host/live/"
        #expect(Destination.validate(url: start + String(repeating: "k", count: 2048 - start.utf8.count)) == nil)
        #expect(Destination.validate(url: start + String(repeating: "k", count: 2049 - start.utf8.count)) == .tooLong(limit: 2048))
        #expect(Destination.validate(url: "srt://host:1?" + String(repeating: "k", count: 5000)) == .tooLong(limit: 2048))
    }

    private func target(_ url: String) throws -> PushTarget { try PushTarget.parse(url).get() }

    @Test func whatIsShownHoldsNoSecret() throws {
        let target = try self.target("rtmps://user:passw0rd@live.example:443/app/inst/key-1234?auth=zzzz9999&x=1")
        #expect(target.redactedURL == "rtmps://live.example:443/app/inst/***")
        #expect(target.redact("no such stream: key-1234?auth=zzzz9999&x=1 (key-1234, zzzz9999, passw0rd)") == "no such stream: *** (***, ***, ***)")
        #expect(try self.target("rtmp://[::1]/key").redactedURL == "rtmp://[::1]:1935/***")
        #expect(try self.target("rtmp://host/app?token=abcd/key").redactedURL == "rtmp://host:1935/***")
    }

    @Test func whatAPeerSaysIsKeptShortAndOnOneLine() throws {
        let target = try self.target("rtmp://host/app/key1")
        #expect(target.redact("one\r\ntwo\u{1B}[31m ") == "one  two [31m")
        #expect(target.redact(String(repeating: "long ", count: 1000)).utf8.count <= 210)
    }

    @Test func spellingsOfOneSessionAreOneIdentity() throws {
        let one = try self.target("rtmp://host/app/key")
        #expect(try self.target("RTMP://HOST:1935/app/key").identity == one.identity)
        for other in ["rtmps://host:1935/app/key", "rtmp://host:1936/app/key", "rtmp://host/app2/key", "rtmp://host/app/Key", "rtmp://host2/app/key"]
        {
            #expect(try self.target(other).identity != one.identity)
        }
    }

    @Test func addressesAreToldFromNames() throws {
        #expect(try self.target("rtmps://127.0.0.1/app/key").isLiteralAddress)
        #expect(try self.target("rtmps://[2001:db8::1]/app/key").isLiteralAddress)
        #expect(try !self.target("rtmps://localhost/app/key").isLiteralAddress)
    }

    @Test func defaultPortsAreThoseOfPlatforms() throws {
        #expect(try self.target("rtmp://host/app/key").port == 1935)
        #expect(try self.target("rtmps://host/app/key").port == 443)
    }
}
