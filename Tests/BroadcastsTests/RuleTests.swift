import Testing

@testable import Broadcasts

@Suite struct RuleTests {
    @Test(arguments: [
        ("http://h", true), ("HTTPS://h/x", true), ("rtmp://h/a/b", true), ("rtmps://h", true), ("rtsp://u:p@h:554/x", true), ("rtsps://h", true),
        ("udp://@239.0.0.1:1234", true), ("srt://h:9000", true), ("", false), ("http://", false), ("http:///x", false), ("http://?x", false),
        ("file:///etc/passwd", false),
        ("concat:a|b", false), ("h", false), (" http://h", false), ("http://h\u{0}", false), ("http://h\n", false),
        ("http://" + String(repeating: "x", count: 5_000), false),
    ]) func sourceURLs(url: String, isValid: Bool) {
        #expect(SourceURL.isValid(url) == isValid)
    }

    @Test(arguments: [
        ("10.0.0.1", true), ("10.0.0.1:8080", true), ("10.0.0.1:8080/onvif?profileIndex=1", true), ("http://camera", true), ("camera.local", true),
        ("camera.local:80", true), ("fe80::1", true), ("[fe80::1]:80", true), ("rtsps://h/x", true), ("test", false), ("srt:", false), ("", false),
        ("10.0.0.256", false), ("10.0.0", false), ("a..b", false), ("file:///x", false), ("10.0.0.1 ", false), ("ca mera.local", false),
    ]) func cameraAddresses(address: String, isValid: Bool) {
        #expect(SourceURL.isValidCamera(address) == isValid)
    }

    @Test(arguments: [
        ("rtsp://h", true), ("http://h/video.mjpg", true), ("https://h:8443/a?x", true), ("srt://h:1", true), ("http://h", false),
        ("http://h/", false),
        ("http://h:8080/?profileIndex=1", false), ("https://h/onvif/device_service", false), ("10.0.0.1", false), ("camera.local:80", false),
    ]) func camerasThatSayWhereTheirStreamIs(address: String, isPullable: Bool) {
        #expect(SourceURL.isPullableCamera(address) == isPullable)
    }

    @Test(arguments: [
        ("http://h/a.mp4", nil, true, true), ("http://h/a.MP4?x=.ts", "VoD", true, true), ("http://h/a.m3u8", nil, false, true),
        ("http://h/a.m3u8", "streamSource", false, false), ("rtsp://h/a.mp4", "VoD", false, false), ("udp://@239.0.0.1:1", nil, false, false),
        ("http://h/a?b=c.mp4", "ipCamera", false, false),
    ]) func whatIsPaced(url: String, type: String?, asSource: Bool, asItem: Bool) {
        #expect(SourceURL.looksLikeFile(url) == asSource)
        #expect(SourceURL.endsByItself(url, type: type) == asItem)
    }

    @Test(arguments: [
        ("streams/a.mp4", "a.mp4"), ("streams/a/b.mp4", "a/b.mp4"), ("streams/../a", nil), ("streams//a", nil), ("streams", nil), ("other/a", nil),
        ("streams/./a", nil), ("streams/a\u{0}", nil), ("/streams/a", nil),
    ]) func filesOfTheLibraryLieBelowStreams(path: String, below: String?) {
        #expect(VodFile.path(belowStreams: path) == below)
    }

    @Test func oneBurstIsNoExcess() {
        func verdicts(_ limit: Int, _ bitrates: [Int]) -> [Bool] {
            var limit = BitrateLimit(limit)
            return bitrates.map { limit.isExceeded(by: $0) }
        }
        let burst = Array(repeating: 1_001, count: BitrateLimit.patience - 1)
        #expect(!verdicts(1_000, burst + [1_000] + burst + [0] + burst).contains(true))
        #expect(verdicts(1_000, burst + [Int.max]) == burst.map { _ in false } + [true])
        #expect(!verdicts(0, Array(repeating: Int.max, count: 20)).contains(true))
    }

    @Test func generatedIdsAreValidAndDiffer() {
        let ids = (0..<1_000).map { _ in StreamID.random(24) }
        #expect(Set(ids).count == 1_000)
        #expect(ids.allSatisfy { $0.utf8.count == 24 && StreamID.isValid($0) })
    }
}
