import NIOCore
import Testing

@testable import Egress

@Suite struct HostTests {
    @Test func thisHostKnowsItsLoopbackInterface() {
        #expect(HostAddresses.current().contains { $0.ipAddress == "127.0.0.1" })
    }

    @Test func anInterfaceOfThisHostIsRefusedWhateverItsAddress() {
        let policy = AddressPolicy(allowsLocal: false)
        for address in HostAddresses.current() { #expect(policy.refusal(of: address) != nil, "\(address)") }
    }

    @Test func literalAddressesAreTheirOwnAnswer() throws {
        #expect(try HostLookup.addresses(host: "192.0.2.1", port: 1935) == [SocketAddress(ipAddress: "192.0.2.1", port: 1935)])
        #expect(try HostLookup.addresses(host: "::1", port: 80) == [SocketAddress(ipAddress: "::1", port: 80)])
    }

    @Test(arguments: ["localhost", "example.com", "", "1.2.3.4.5", "0x", "127.0.0.1 ", "256.1.1.1", "camera-1"])
    func aNameIsNoLiteral(host: String) {
        #expect(HostLookup.literal(host, port: 80) == nil)
    }

    @Test func addressesAreWrittenAsInAURL() throws {
        let written = try ["192.0.2.1", "2001:db8::1", "fe80::1%1"].map { try #require(HostLookup.literal($0, port: 8080)) }
        #expect(written.map { $0.plainText(withPort: true) } == ["192.0.2.1:8080", "[2001:db8::1]:8080", "[fe80::1%1]:8080"])
        #expect(written.map { $0.plainText(withPort: false) } == ["192.0.2.1", "2001:db8::1", "fe80::1%1"])
    }
}
