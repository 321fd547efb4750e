import Testing

@testable import Server

@Suite struct AddressBlockTests {
    @Test(arguments: [
        ("127.0.0.0/8", "127.255.0.1", true), ("127.0.0.0/8", "128.0.0.1", false),
        ("10.1.2.3", "10.1.2.3", true), ("10.1.2.3", "10.1.2.4", false),
        ("10.1.2.3/30", "10.1.2.0", true), ("10.1.2.3/30", "10.1.2.4", false),
        ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "::1", false), ("::/0", "2001:db8::1", true), ("::/0", "10.0.0.1", false),
        ("::1", "::1", true), ("::1", "0:0:0:0:0:0:0:1", true), ("::1", "::2", false),
        ("fd00::/8", "fdff::1", true), ("fd00::/8", "fe00::1", false), ("2001:db8::/33", "2001:db8:7fff::1", true),
        ("2001:db8::/33", "2001:db8:8000::1", false), ("fe80::/10", "fe80::1%eth0", true),
        ("127.0.0.0/8", "::ffff:127.0.0.1", true), ("::ffff:10.0.0.1", "10.0.0.1", true),
        ("127.0.0.0/8", "localhost", false), ("127.0.0.0/8", "", false), ("127.0.0.0/8", "127.0.0.1:80", false),
    ])
    func anAddressIsInsideOrNot(block: String, address: String, isInside: Bool) throws {
        #expect(try #require(AddressBlock(block)).contains(address) == isInside)
    }

    @Test(arguments: [
        "", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0/8", "::/129", "::1/ 8", "host", "١.0.0.0",
    ])
    func whatIsNoBlockIsRefused(text: String) {
        #expect(AddressBlock(text) == nil)
    }

    @Test func theLoopbackBlocksAreBothThere() {
        #expect(AddressBlock.loopback.map(\.description) == ["127.0.0.0/8", "::1"])
    }
}
