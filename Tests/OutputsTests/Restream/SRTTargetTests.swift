import SRT
import Testing

@testable import Outputs

@Suite struct SRTTargetTests {
    @Test(arguments: [
        ("srt://host.example:4200", "host.example", 4200, "", 120),
        ("SRT://10.0.0.1:9000?streamid=live/demo&latency=500000", "10.0.0.1", 9000, "live/demo", 500),
        ("srt://[2001:db8::1]:1?streamid=#!::r=demo,m=publish&latency=800&mode=caller&pkt_size=1316", "2001:db8::1", 1, "#!::r=demo,m=publish", 800),
        ("srt://host:1/?streamid=a%26b%3Dc&latency=1", "host", 1, "a&b=c", 120),
        ("srt://host:1?latency=10000000", "host", 1, "", 10_000),
    ])
    func whatFFmpegWouldTakeIsTaken(url: String, host: String, port: Int, streamID: String, latency: Int) throws {
        let target = try SRTTarget.parse(url).get()
        #expect(target.host == host && target.port == port)
        #expect(target.parameters.streamID == streamID && target.parameters.latency == latency)
    }

    @Test(arguments: [
        ("rtmp://host/app/key", DestinationURLError.unsupportedScheme), ("srt://", .missingHost), ("srt://:4200", .missingHost),
        ("srt://host", .invalidPort), ("srt://host:0", .invalidPort), ("srt://host:65536", .invalidPort), ("srt://host:x", .invalidPort),
        ("srt://user@host:1", .invalidHost), ("srt://[::g]:1", .invalidHost), ("srt://ho$t:1", .invalidHost), ("srt://host:1?a b", .invalidCharacter),
        ("srt://host:1?passphrase=short", .invalidParameter("a passphrase has 10 to 79 bytes")),
        ("srt://host:1?pbkeylen=20", .invalidParameter("pbkeylen is 16, 24 or 32")),
        ("srt://host:1?latency=-1", .invalidParameter("latency is a number of microseconds")),
        ("srt://host:1?latency=99999999999", .invalidParameter("latency is 10 s at most")),
        ("srt://host:1?mode=listener", .invalidParameter("mode is caller, or not there")),
        ("srt://host:1?streamid=" + String(repeating: "x", count: 513), .invalidParameter("a stream id has at most 512 bytes")),
    ])
    func whatCannotBePushedToIsToldApart(url: String, error: DestinationURLError) {
        #expect(SRTTarget.parse(url) == .failure(error))
        #expect(!error.description.contains("short"), "a passphrase is not shown")
    }

    @Test func secretsAreNotShown() throws {
        let target = try SRTTarget.parse("srt://host:1?streamid=live/secret-key&passphrase=correct%20horse&pbkeylen=32").get()
        #expect(target.parameters.passphrase == "correct horse" && target.parameters.keyLength == 32)
        #expect(target.redactedURL == "srt://host:1?streamid=***")
        #expect(target.redact("no live/secret-key (secret-key) with correct horse\n") == "no *** (***) with ***")
        #expect(try SRTTarget.parse("srt://HOST:1?streamid=live/secret-key").get().identity == target.identity)
    }
}
