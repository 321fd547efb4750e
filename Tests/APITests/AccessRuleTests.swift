import API
import Testing

@Suite struct AccessRuleTests {
    private let rule = AccessRule(isAllowed: { $0 == "10.0.0.7" }, isTrustedProxy: { $0.hasPrefix("192.168.") || $0 == "::1" }, token: "s3cret")

    @Test(
        arguments: [
            ("10.0.0.7", [], "10.0.0.7"), ("8.8.8.8", ["10.0.0.7"], "8.8.8.8"), ("192.168.0.1", ["10.0.0.7"], "10.0.0.7"),
            ("192.168.0.1", ["10.0.0.7, 8.8.8.8"], "8.8.8.8"), ("192.168.0.1", ["10.0.0.7", "192.168.0.2"], "10.0.0.7"),
            ("192.168.0.1", [" 10.0.0.7 ,192.168.0.2"], "10.0.0.7"), ("192.168.0.1", [], "192.168.0.1"),
            ("192.168.0.1", ["192.168.0.9"], "192.168.0.9"),
            ("192.168.0.1", ["10.0.0.7:4711"], "10.0.0.7"), ("::1", ["[2001:db8::1]:4711"], "2001:db8::1"),
            ("::1", ["\"[2001:db8::1]\""], "2001:db8::1"),
            ("::1", ["2001:db8::1"], "2001:db8::1"), ("192.168.0.1", ["unknown"], "unknown"), ("192.168.0.1", [","], "192.168.0.1"),
        ] as [(String, [String], String)]) func theClientIsTheFirstHopThatIsNotTrusted(remote: String, forwarded: [String], client: String)
    {
        #expect(self.rule.clientAddress(remoteAddress: remote, forwardedFor: forwarded) == client)
    }

    @Test(arguments: [
        ("s3cret", true), ("Bearer s3cret", true), ("BEARER s3cret", true), ("s3cre", false), ("s3crett", false), ("S3CRET", false),
        ("Bearer", false),
        ("Basic s3cret", false), ("", false), ("Bearer ", false),
    ]) func theTokenMustBeRightInFull(authorization: String, allowed: Bool) {
        #expect(self.rule.allows(remoteAddress: "8.8.8.8", forwardedFor: [], authorization: authorization) == allowed)
    }

    @Test func withoutATokenOnlyAddressesCount() {
        let rule = AccessRule(isAllowed: { $0 == "10.0.0.7" })
        #expect(!rule.allows(remoteAddress: "8.8.8.8", forwardedFor: [], authorization: ""))
        #expect(!rule.allows(remoteAddress: "8.8.8.8", forwardedFor: [], authorization: "Bearer "))
        #expect(rule.allows(remoteAddress: "10.0.0.7", forwardedFor: ["8.8.8.8"], authorization: nil))
        #expect(!rule.allows(remoteAddress: nil, forwardedFor: ["10.0.0.7"], authorization: nil))
    }
}

@Suite struct ForeignPageTests {
    let rule = AccessRule(isAllowed: { $0 == "127.0.0.1" }, token: "a-long-enough-token")

    func allows(origin: String?, authorization: String? = nil) -> Bool {
        self.rule.allows(
            remoteAddress: "127.0.0.1", forwardedFor: [], authorization: authorization, origin: origin, authority: "127.0.0.1:5080")
    }

    @Test func aPageOfAnotherSiteNeedsTheTokenEvenOnAnAllowedAddress() {
        for origin in ["https://evil.example", "http://127.0.0.1:5081", "null", "", "http://127.0.0.1:5080.evil.example"] {
            #expect(!self.allows(origin: origin), "\(origin)")
            #expect(self.allows(origin: origin, authorization: "Bearer a-long-enough-token"), "\(origin)")
        }
    }

    @Test func aPageOfThisServerAndCallersThatAreNoBrowsersDoNot() {
        #expect(self.allows(origin: nil))
        #expect(self.allows(origin: "http://127.0.0.1:5080"))
    }
}
