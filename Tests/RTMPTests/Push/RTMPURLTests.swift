import Testing

@testable import RTMP

@Suite struct RTMPURLTests {
    @Test(arguments: [
        ("rtmp://h/app/key", "h", 1935, "app", "key"),
        ("rtmp://h:1936/app/key", "h", 1936, "app", "key"),
        ("rtmps://h/app/key", "h", 443, "app", "key"),
        ("RTMPS://h:443/app/key", "h", 443, "app", "key"),
        ("rtmp://h/a/b/key", "h", 1935, "a/b", "key"),
        ("rtmp://h/key", "h", 1935, "", "key"),
        (
            "rtmps://fa723fc1b171.global-contribute.live-video.net/sk_us-west-2_x", "fa723fc1b171.global-contribute.live-video.net", 443, "",
            "sk_us-west-2_x"
        ),
        ("rtmp://a-b.example.com/app/key?x=1&y=a/b", "a-b.example.com", 1935, "app", "key?x=1&y=a/b"),
        ("rtmps://live-api-s.facebook.com:443/rtmp/FB-1-0-Ab?s_bl=1&s_psm=1", "live-api-s.facebook.com", 443, "rtmp", "FB-1-0-Ab?s_bl=1&s_psm=1"),
        ("rtmp://[::1]:1937/app/key", "::1", 1937, "app", "key"),
        ("rtmp://[2001:db8::1]/app/key", "2001:db8::1", 1935, "app", "key"),
        ("rtmps://h/app#key", "h", 443, "app", "key"),
        ("rtmps://h/app/#k/e/y?z", "h", 443, "app", "k/e/y?z"),
        ("rtmp://h/app//key", "h", 1935, "app", "key"),
    ])
    func urlsAreTakenApart(text: String, host: String, port: Int, app: String, key: String) throws {
        let url = try RTMPURL(text)
        #expect(url.host == host)
        #expect(url.port == port)
        #expect(url.app == app)
        #expect(url.key == key)
        #expect(url.isTLS == text.lowercased().hasPrefix("rtmps"))
        #expect(url.user == nil)
    }

    @Test func theUserIsNotInTheTcURL() throws {
        let url = try RTMPURL("rtmp://us%40er:p:a@ss@h:1936/a/b/key")
        #expect(url.user == "us@er")
        #expect(url.password == "p:a@ss")
        #expect(url.host == "h")
        #expect(url.tcURL == "rtmp://h:1936/a/b")
    }

    @Test func theTcURLKeepsWhatWasWritten() throws {
        #expect(try RTMPURL("rtmps://h/app/key").tcURL == "rtmps://h/app")
        #expect(try RTMPURL("rtmps://h:443/app/key").tcURL == "rtmps://h:443/app")
        #expect(try RTMPURL("rtmp://[::1]/key").tcURL == "rtmp://[::1]/")
    }

    @Test func baseAndKeyAreJoinedWithoutGuessing() throws {
        let url = try RTMPURL(base: "rtmp://h/a/b/", key: "k/e/y?x=/")
        #expect(url.app == "a/b")
        #expect(url.key == "k/e/y?x=/")
        #expect(try RTMPURL(base: "rtmp://h", key: "/key").app == "")
        #expect(try RTMPURL(base: "rtmp://h", key: "/key").key == "key")
        #expect(try RTMPURL(base: "rtmp://h/app?auth=1", key: "key").app == "app?auth=1")
        #expect(throws: RTMPURL.Failure.missingKey) { try RTMPURL(base: "rtmp://h/app", key: "") }
    }

    @Test(arguments: [
        ("http://h/app/key", RTMPURL.Failure.unsupportedScheme), ("rtmpt://h/app/key", .unsupportedScheme), ("", .unsupportedScheme),
        ("rtmp", .unsupportedScheme), ("rtmp:/h/app", .unsupportedScheme), ("rtmp:///app/key", .missingHost), ("rtmp://:1935/a/k", .missingHost),
        ("rtmp://user@/app/key", .missingHost), ("rtmp://h", .missingKey), ("rtmp://h/", .missingKey), ("rtmp://h/app/", .missingKey),
        ("rtmp://h/app#", .missingKey), ("rtmp://h?x/y", .missingKey), ("rtmp://h:0/a/k", .invalidPort), ("rtmp://h:65536/a/k", .invalidPort),
        ("rtmp://h:x/a/k", .invalidPort), ("rtmp://h:/a/k", .invalidPort), ("rtmp://h:+1/a/k", .invalidPort), ("rtmp://[::1/a/k", .invalidHost),
        ("rtmp://[]/a/k", .invalidHost), ("rtmp://[::1]x/a/k", .invalidHost), ("rtmp://[g::1]/a/k", .invalidHost), ("rtmp://a%b/a/k", .invalidHost),
        ("rtmp://h/a/k y", .invalidCharacter), ("rtmp://h/a/k\n", .invalidCharacter), ("rtmp://hü/a/k", .invalidCharacter),
        ("rtmp://h/a/k\u{0}", .invalidCharacter), ("rtmp://h:99999999999999999999/a/k", .invalidPort),
    ])
    func wrongURLsAreNamed(text: String, failure: RTMPURL.Failure) {
        #expect(throws: failure) { try RTMPURL(text) }
    }

    @Test func lengthIsLimited() {
        #expect(throws: RTMPURL.Failure.tooLong(limit: 4096)) { try RTMPURL("rtmp://h/a/" + String(repeating: "k", count: 4096)) }
    }
}
