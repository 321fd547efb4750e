import SRT
import Streams
import Testing

@testable import Gateways

/// What callers say in their stream ids.
@Suite struct SRTStreamIDTests {
    private func parse(_ text: String) -> Result<SRTStreamID, SRTStreamID.Failure> {
        Result { () throws(SRTStreamID.Failure) in try SRTStreamID(Array(text.utf8)) }
    }

    /// As one line: mode, app, id, parameters.
    private func shown(_ text: String) -> String {
        switch self.parse(text) {
        case .failure(let failure): "\(failure)"
        case .success(let id):
            "\(id.mode) \(id.app ?? "-") \(id.id)" + id.parameters.map { " \($0.name)=\($0.value)" }.joined()
        }
    }

    @Test(arguments: [
        // The contract's URLs.
        ("live/demo", "publish live demo"),
        ("demo", "publish - demo"),
        ("/live/demo/", "publish live demo"),
        ("live/demo,token=abc.def-1_2", "publish live demo token=abc.def-1_2"),
        ("live/demo,token=a,subscriberId=u,flag", "publish live demo token=a subscriberId=u flag="),
        ("live/demo?token=a&x=y", "publish live demo token=a x=y"),
        ("live/demo,token=a=b==", "publish live demo token=a=b=="),
        ("live/demo,,token=a,", "publish live demo token=a"),
        ("live%2Fdemo", "publish - live/demo"),
        ("live/caf%C3%A9", "publish live café"),
        ("live/100%", "publish live 100%"),
        ("live/%zz%4", "publish live %zz%4"),
        ("live/%FF", "publish live %FF"),
        ("live/a%00b", "publish live a%00b"),
        // MediaMTX's.
        ("publish:demo", "publish - demo"),
        ("publish:live/demo", "publish live demo"),
        ("publish:demo:bob:se%3Acret", "publish - demo user=bob token=se:cret"),
        ("publish:demo::secret", "publish - demo token=secret"),
        ("publish:demo:x=1&y=2", "publish - demo x=1 y=2"),
        ("publish:demo:bob:secret:token=other", "publish - demo token=other user=bob"),
        ("read:demo", "play - demo"),
        ("read:live/demo:bob:secret", "play live demo user=bob token=secret"),
        // The guidelines'.
        ("#!::r=demo,m=publish", "publish - demo"),
        ("#!::m=publish,r=live/demo", "publish live demo"),
        ("#!::r=demo", "play - demo"),
        ("#!::r=demo,m=request", "play - demo"),
        ("#!::u=bob,r=demo,s=secret,t=stream,h=host,m=publish,extra=1", "publish - demo extra=1 user=bob token=secret"),
        ("#!::r=demo,m=publish,token=t,s=secret", "publish - demo token=t"),
        ("#!::r=first,r=second,m=publish,m=request", "publish - first"),
        ("#!::r=d%65mo,m=publish", "publish - demo"),
        ("%23!::r=demo,m=publish", "publish - demo"),
    ])
    func theFormsThatEncodersSend(text: String, meaning: String) {
        #expect(self.shown(text) == meaning)
    }

    @Test(arguments: [
        ("", "empty"), ("/", "malformed"), ("a/b/c", "malformed"), ("live/demo,=x", "malformed"), ("publish:", "malformed"), ("read:/", "malformed"),
        ("publish:a:b:c:d=e:f", "malformed"), ("#!::", "malformed"), ("#!::m=publish", "malformed"), ("#!::r=", "malformed"),
        ("#!{r=demo}", "malformed"), ("#!::r=demo,t=file", "unsupportedType"), ("#!::r=demo,m=bidirectional", "unsupportedMode"),
        ("#!::r=demo,m=", "unsupportedMode"), ("live/a\u{1}b", "notText"), ("live/a\nb", "notText"),
    ])
    func whatSaysNothingIsRefused(text: String, why: String) {
        #expect(self.shown(text) == why)
    }

    @Test func whatIsTooMuchIsRefused() {
        #expect(self.shown(String(repeating: "a", count: 512)) == "publish - " + String(repeating: "a", count: 512))
        #expect(self.shown(String(repeating: "a", count: 513)) == "tooLong")
        let many = (0..<33).map { "k\($0)=v" }.joined(separator: ",")
        #expect(self.shown("demo," + many) == "malformed")
        #expect(throws: SRTStreamID.Failure.notText) { try SRTStreamID([0x64, 0xFF, 0xFE]) }
        #expect(throws: SRTStreamID.Failure.notText) { try SRTStreamID([0x64, 0x00]) }
    }

    @Test func everyRefusalHasACodeThatSaysWhy() {
        let publish: [(PublishRefusal, SRTRejection)] = [
            (.unknownApp, .notFound), (.invalidID, .badRequest), (.notRegistered, .notFound), (.expired, .forbidden),
            (.outsidePlannedWindow, .forbidden), (.alreadyPublishing, .conflict), (.notAuthorised, .unauthorized), (.notALiveStream, .badMode),
            (.tooManyStreams, .overload), (.shuttingDown, .unavailable),
        ]
        for (refusal, code) in publish { #expect(refusal.rejection == code, "\(refusal)") }
        let play: [(PlayRefusal, SRTRejection)] = [
            (.unknownApp, .notFound), (.invalidID, .badRequest), (.notAuthorised, .unauthorized), (.playDisabled, .badMode),
            (.tooManyViewers, .overload), (.notFound, .notFound),
        ]
        for (refusal, code) in play { #expect(refusal.rejection == code, "\(refusal)") }
    }
}
