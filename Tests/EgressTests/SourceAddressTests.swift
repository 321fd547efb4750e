import NIOCore
import Testing

@testable import Egress

@Suite struct SourceAddressTests {
    struct Reading: Sendable {
        var url: String
        var host: String
        var port: Int
        var user: String?
        var password: String?
        var tail = ""
        /// What is handed on; nil: the URL as it is.
        var text: String?
    }

    static let readings = [
        Reading(url: "rtsp://cam/", host: "cam", port: 554, tail: "/"),
        Reading(url: "RTSP://Cam.Example/x", host: "Cam.Example", port: 554, tail: "/x", text: "rtsp://Cam.Example/x"),
        Reading(url: "rtsps://cam", host: "cam", port: 322),
        Reading(
            url: "rtmp://my-host-1.a_b.example:1936/app/a/b?x=/y?z&k=v#w", host: "my-host-1.a_b.example", port: 1936, tail: "/app/a/b?x=/y?z&k=v#w"),
        Reading(url: "rtmps://h/app", host: "h", port: 443, tail: "/app"),
        Reading(url: "http://h?a=b", host: "h", port: 80, tail: "?a=b"),
        Reading(url: "http://h:/a", host: "h", port: 80, tail: "/a", text: "http://h/a"),
        Reading(url: "https://h/a b/ü?q=\"x y\"#part", host: "h", port: 443, tail: "/a%20b/%C3%BC?q=\"x%20y\""),
        Reading(url: "http://h/100%/a%20b", host: "h", port: 80, tail: "/100%/a%20b"),
        Reading(url: "http://h/a#b?c", host: "h", port: 80, tail: "/a"),
        Reading(url: "http://[2001:db8::1]:8080/a", host: "2001:db8::1", port: 8080, tail: "/a"),
        Reading(url: "rtsp://[fe80::1%25eth0]/a", host: "fe80::1%eth0", port: 554, tail: "/a", text: "rtsp://[fe80::1%eth0]/a"),
        Reading(url: "rtsp://[fe80::1%eth0.1]", host: "fe80::1%eth0.1", port: 554),
        Reading(url: "rtsp://[::ffff:192.0.2.1]", host: "::ffff:192.0.2.1", port: 554),
        Reading(url: "http://u:p@h/", host: "h", port: 80, user: "u", password: "p", tail: "/"),
        Reading(url: "http://u@h/", host: "h", port: 80, user: "u", tail: "/"),
        Reading(url: "http://u:@h/", host: "h", port: 80, user: "u", password: "", tail: "/"),
        Reading(url: "http://:p@h/", host: "h", port: 80, user: "", password: "p", tail: "/"),
        Reading(url: "http://@h/", host: "h", port: 80, tail: "/", text: "http://h/"),
        // Everything up to the last @ of the authority belongs to the user.
        Reading(
            url: "rtsp://u:p@ss:w@h:8554/x@y", host: "h", port: 8554, user: "u", password: "p@ss:w", tail: "/x@y",
            text: "rtsp://u:p%40ss%3Aw@h:8554/x@y"),
        Reading(
            url: "rtsp://a b:50%!+&=;$ü\\@h/", host: "h", port: 554, user: "a b", password: "50%!+&=;$ü\\", tail: "/",
            text: "rtsp://a%20b:50%25%21%2B%26%3D%3B%24%C3%BC%5C@h/"),
        Reading(
            url: "rtsp://u%40d:p%2fw%20%3A@h/", host: "h", port: 554, user: "u@d", password: "p/w :", tail: "/", text: "rtsp://u%40d:p%2Fw%20%3A@h/"),
        Reading(
            url: "srt://h:9000?streamid=#!::r=cam1,m=request&latency=200", host: "h", port: 9000, tail: "?streamid=#!::r=cam1,m=request&latency=200"),
        Reading(url: "udp://@239.0.0.1:1234", host: "239.0.0.1", port: 1234, text: "udp://239.0.0.1:1234"),
        Reading(url: "udp://:5000", host: "", port: 5000),
        Reading(url: "udp://[::]:5000", host: "::", port: 5000),
        Reading(url: "srt://:9000?mode=listener", host: "", port: 9000, tail: "?mode=listener"),
    ]

    @Test(arguments: Self.readings) func aURLIsTakenApart(reading: Reading) throws {
        let source = try SourceAddress(reading.url)
        #expect(source.host == reading.host)
        #expect(source.port == reading.port)
        #expect(source.user == reading.user)
        #expect(source.password == reading.password)
        #expect(source.pathAndQuery == reading.tail)
        let expected = reading.text ?? reading.url.replacing(reading.tail.isEmpty ? "\u{0}" : Self.rawTail(reading.url), with: reading.tail)
        #expect(source.text == expected)
        // What is handed on means the same again.
        #expect(try SourceAddress(source.text) == source)
    }

    private static func rawTail(_ url: String) -> String {
        let rest = url[(url.firstRange(of: "://")?.upperBound ?? url.startIndex)...]
        return String(rest[(rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex)...])
    }

    @Test(arguments: [
        "", "http", "http:", "http:/", "http://", "http:///a", "http://?a", "http:h/a", "://h/", "192.168.1.5", "192.168.1.5:554/a", "cam/x", "//h/a",
        "http://h:0/", "http://h:65536/", "http://h:99999/", "http://h:-1/", "http://h:8o/", "http://h: 80/", "http://h:+80/", "http://h:80:80/",
        "http://h:٣/", "http://a b/", "http://h%41/", "http://höst/", "http://h*/", "http://::1/", "http://[::1/", "http://[]/", "http://[h]/",
        "http://[::1]x/", "http://[::1]]:80/", "http://[::1%]/", "http://[::1%a/b]/", "http://[::1%25a b]/", "http://[1:2]/", "http://[127.0.0.1]/",
        "http://u:p/w@h/", "http://u:p@", "http://u:p@:80/", "rtsp://u%0d%0aX:p@h/", "rtsp://u:p%00@h/",
        " http://h/", "http://h/ ", "http://h/\n", "http://h/a\tb", "http://h/a\r\nHost: x", "http://h/\u{0}", "http://h/\u{7F}", "\u{1B}http://h/",
        "ht_tp://h/", "http,x=1://h/", "udp://h", "srt://h", "srt://h?mode=listener", "srt://:9000", "srt://:9000?mode=caller", "rtsp://:554/",
        "http://" + String(repeating: "a", count: 254) + "/", "http://h/" + String(repeating: "a", count: 4088),
        String(repeating: "a", count: 33) + "://h/",
    ])
    func whatIsNoURLOfOursIsRefused(url: String) {
        #expect(throws: AddressRefusal.invalidURL) { try SourceAddress(url) }
    }

    @Test func theLongestURLIsTaken() throws {
        let url = "http://h/" + String(repeating: "a", count: 4087)
        #expect(url.utf8.count == SourceAddress.longest)
        #expect(try SourceAddress(url).text == url)
        let host = String(repeating: "a", count: 253)
        #expect(try SourceAddress("http://\(host)").host == host)
    }

    /// No bytes crash it, and what it takes it reads the same way a second time.
    @Test func anyTextIsReadOrRefused() {
        let pieces = [
            "http", "rtsp", "srt", "udp", ":", "/", "//", "://", "@", "[", "]", "::1", "%", "%25", "%zz", "%41", "?", "#", "&", "=", "a", "h", "1",
            "80",
            "65536", ".", "-", " ", "\\", "ü", "😀", "\u{0}", "\r\n", "mode=listener", "127.1", "e\u{301}", "@\u{301}", ":\u{20E3}",
        ]
        var generator = SystemRandomNumberGenerator()
        var taken = 0
        for _ in 0..<30_000 {
            var url = Bool.random(using: &generator) ? "http://" : ""
            for _ in 0..<Int.random(in: 0...8, using: &generator) { url += pieces.randomElement(using: &generator) ?? "" }
            do throws(AddressRefusal) {
                let source = try SourceAddress(url)
                taken += 1
                let again = try SourceAddress(source.text)
                #expect(again == source && again.text == source.text, "\(url.debugDescription)")
                #expect(source.host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"@/?#\\[]".utf8.contains($0) }, "\(url.debugDescription)")
            } catch .schemeNotAllowed, .invalidURL {
            } catch {
                Issue.record("\(url.debugDescription): \(error)")
            }
        }
        #expect(taken > 1_000)
    }

    @Test func credentialsArePutInByteByByte() throws {
        let bare = try SourceAddress("rtsp://old:older@192.168.1.64:8554/Streaming/Channels/101?transportmode=unicast")
        let changed = bare.with(username: "ad min", password: "p@ß/:?#[]%'\"+&=")
        #expect(
            changed.text
                == "rtsp://ad%20min:p%40%C3%9F%2F%3A%3F%23%5B%5D%25%27%22%2B%26%3D@192.168.1.64:8554/Streaming/Channels/101?transportmode=unicast")
        #expect(changed.user == "ad min" && changed.password == "p@ß/:?#[]%'\"+&=")
        #expect(bare.with(username: nil, password: "x") == bare)
        #expect(bare.with(username: "", password: "x") == bare)
        #expect(bare.with(username: "new", password: nil).text.hasPrefix("rtsp://new@192.168.1.64:8554/"))
        #expect(bare.with(username: "a\r\nb", password: "c\u{0}\u{7F}d").text.hasPrefix("rtsp://ab:cd@"))
    }

    @Test func anyCredentialsComeBackAsTheyWere() throws {
        let bare = try SourceAddress("rtsp://h/")
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let scalars = (0..<Int.random(in: 1...12, using: &generator)).compactMap { _ in
                Unicode.Scalar(UInt32.random(in: Bool.random(using: &generator) ? 0x20...0x7E : 0xA0...0x2FFF, using: &generator))
            }
            let secret = String(String.UnicodeScalarView(scalars))
            let read = try SourceAddress(bare.with(username: secret, password: secret).text)
            #expect(read.user == secret && read.password == secret && read.host == "h", "\(secret.debugDescription)")
        }
    }

    @Test func theHostIsReplacedByTheAddressThatWasChecked() throws {
        let source = try SourceAddress("rtsp://u:p@camera.lan:8554/a?b")
        #expect(source.replacingHost("192.0.2.7").text == "rtsp://u:p@192.0.2.7:8554/a?b")
        #expect(source.replacingHost("2001:db8::1").text == "rtsp://u:p@[2001:db8::1]:8554/a?b")
        let address = try #require(HostLookup.literal("fe80::1%1", port: 1))
        #expect(source.replacingHost(with: address).text == "rtsp://u:p@[fe80::1%1]:8554/a?b")
        #expect(source.replacingHost(with: address).host == "fe80::1%1")
    }

    @Test func queryItemsAreReadAndTakenOut() throws {
        let source = try SourceAddress("rtsp://h/cam?allowed_media_types=video&rtsp_transport=tcp&real_stream&x=a%20b&x=2&e=")
        #expect(source.query == "allowed_media_types=video&rtsp_transport=tcp&real_stream&x=a%20b&x=2&e=")
        #expect(source.path == "/cam")
        #expect(source.queryValue("allowed_media_types") == "video")
        #expect(source.queryValue("real_stream") == "")
        #expect(source.queryValue("e") == "")
        #expect(source.queryValues("x") == ["a b", "2"])
        #expect(source.queryValue("transport") == nil)
        let rest = source.removingQuery(["allowed_media_types", "rtsp_transport", "transport"])
        #expect(rest.text == "rtsp://h/cam?real_stream&x=a%20b&x=2&e=")
        #expect(rest.removingQuery(["real_stream", "x", "e"]).text == "rtsp://h/cam")
        #expect(rest.removingQuery(["y"]) == rest)
        let bare = try SourceAddress("http://h/a")
        #expect(bare.query == nil && bare.queryValue("a") == nil && bare.removingQuery(["a"]) == bare)
        #expect(try SourceAddress("http://h/a?").removingQuery(["a"]).text == "http://h/a?")
    }
}
