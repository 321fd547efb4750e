import NIOCore
import Testing

@testable import Egress

@Suite struct AddressPolicyTests {
    /// Knows one interface, so that what these tests see does not depend on where they run.
    private let strict = AddressPolicy(allowsLocal: false) { own }
    private let lenient = AddressPolicy(allowsLocal: true) { own }
    private static let own = ["203.0.113.7", "2001:db8::7", "fe80::7"].compactMap { HostLookup.literal($0, port: 0) }

    private func address(_ text: String) throws -> SocketAddress { try #require(HostLookup.literal(text, port: 80), "\(text)") }

    @Test(arguments: [
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "169.254.1.1", "203.0.113.7",
        // The same in every spelling that the system's resolver takes for an address.
        "127.1", "127.0.1", "0x7f.1", "0x7f000001", "2130706433", "0177.0.0.1", "017700000001", "0", "0x0", "3405803783",
        "::", "::1", "0:0:0:0:0:0:0:1", "fe80::1", "febf::1", "2001:db8::7", "2001:0DB8:0:0:0:0:0:7", "::1%1",
        // IPv4 inside IPv6: mapped, translated, compatible, NAT64, 6to4, Teredo, ISATAP.
        "::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:0:127.0.0.1", "::127.0.0.1", "::ffff:203.0.113.7", "::ffff:169.254.1.1",
        "64:ff9b::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::127.0.0.1", "64:ff9b:1:7f00:0:100::", "64:ff9b:1:7f:0:1::", "64:ff9b:1:0:7f:0:100:0",
        "2002:7f00:1::", "2002:a9fe:101::1", "2002:cb00:7107::", "2001:0:7f00:1:0:0:f7f7:f7f7", "2001:0:808:808:0:0:80ff:fffe",
        "2001:db8:1::5efe:127.0.0.1", "2001:db8:1:0:200:5efe:7f00:1",
    ])
    func thisHostAndItsLinkAreContactedOnlyIfAllowed(text: String) throws {
        let address = try self.address(text)
        #expect(self.strict.refusal(of: address) == .addressNotAllowed(address.plainText(withPort: false)), "\(text)")
        #expect(self.lenient.refusal(of: address) == nil, "\(text)")
    }

    @Test(arguments: [
        "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "ff02::1", "ff0e::1", "::ffff:224.0.0.1", "::ffff:255.255.255.255",
        // Metadata services.
        "169.254.169.254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254", "::ffff:169.254.169.254",
        "0xa9fea9fe", "64:ff9b::169.254.169.254", "2002:a9fe:a9fe::",
    ])
    func groupsAndMetadataServicesAreNeverContacted(text: String) throws {
        let address = try self.address(text)
        #expect(self.strict.refusal(of: address) != nil)
        #expect(self.lenient.refusal(of: address) != nil)
    }

    @Test(arguments: [
        "10.0.0.1", "10.255.255.255", "172.16.0.1", "192.168.1.64", "100.64.0.1", "8.8.8.8", "126.255.255.255", "128.0.0.1", "169.253.255.255",
        "169.255.0.1", "223.255.255.255", "203.0.113.6", "fd00::1", "fc00::1", "2001:db8::8", "2606:4700::1111", "fec0::1", "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8", "64:ff9b:1::8.8.8.8", "2002:808:808::1", "64:ff9b:2::127.0.0.1", "2001:1::127.0.0.1",
    ])
    func otherMachinesAreContactedAlsoInPrivateNetworks(text: String) throws {
        #expect(self.strict.refusal(of: try self.address(text)) == nil)
    }

    @Test func socketsOfTheFileSystemAreNotContacted() throws {
        let socket = try SocketAddress(unixDomainSocketPath: "/run/some.sock")
        #expect(self.lenient.refusal(of: socket) == .addressNotAllowed("/run/some.sock"))
    }

    @Test func everyEdgeOfARangeIsOnItsRightSide() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let bits = UInt32.random(in: .min ... .max, using: &generator)
            let isHere = bits >> 24 == 127 || bits >> 24 == 0 || bits >> 16 == 0xA9FE
            let reach = NumericAddress.v4(bits).reach
            if isHere { #expect(reach == .thisHost || reach == .thisLink || reach == .metadata, "\(bits)") }
            if reach == .thisHost || reach == .thisLink { #expect(isHere, "\(bits)") }
            // Each form that carries it is judged by it.
            for form in Self.forms(carrying: bits) { #expect(form.inner.contains(.v4(bits)), "\(bits) in \(form)") }
        }
    }

    private static func forms(carrying v4: UInt32) -> [NumericAddress] {
        let bits = UInt64(v4)
        var forms: [NumericAddress] = [
            .v6(high: 0, low: 0xFFFF_0000_0000 | bits), .v6(high: 0, low: 0xFFFF_0000_0000_0000 | bits), .v6(high: 0x0064_FF9B_0000_0000, low: bits),
            .v6(high: 0x2002_0000_0000_0000 | bits << 16, low: 1), .v6(high: 0x2001_0000_0000_0000, low: ~bits),
            .v6(high: 0x2001_0DB8_0000_0000, low: 0x5EFE_0000_0000 | bits),
        ]
        if v4 > 1 { forms.append(.v6(high: 0, low: bits)) }
        // One that begins with 0 is not looked for in NAT64's local prefix.
        if v4 >> 24 != 0 {
            let prefix: UInt64 = 0x0064_FF9B_0001_0000
            forms += [
                .v6(high: prefix | bits >> 16, low: (bits & 0xFFFF) << 40), .v6(high: prefix | bits >> 24, low: (bits & 0xFF_FFFF) << 32),
                .v6(high: prefix, low: bits << 24), .v6(high: prefix, low: bits),
            ]
        }
        return forms
    }

    @Test(arguments: [
        "file:///etc/passwd", "FILE:/etc/passwd", "concat:a|b", "data:text/plain,x", "crypto:http://a/b", "tcp://a:1", "subfile:x", "vod:clip.mp4",
        "gopher://a/", "ftp://a/b", "tls://a:443", "unix:/run/x.sock", "pipe:0", "async:http://a/", "cache:http://a/", "hls+http://a/b",
        "rtp://a:5004",
    ])
    func noOtherSchemeIsFetched(url: String) throws {
        let scheme = try #require(url.split(separator: ":").first).lowercased()
        for purpose in [AddressPolicy.Purpose.source, .playlistItem, .duration] {
            #expect(self.lenient.refusal(ofURL: url, for: purpose) == .schemeNotAllowed(scheme))
        }
    }

    @Test func aURLIsRefusedForItsLiteralAddressWithoutALookup() {
        let refused: [(String, String)] = [
            ("http://127.0.0.1/a.m3u8", "127.0.0.1"), ("http://user:pass@0x7f.1:8080/", "127.0.0.1"), ("rtsp://2130706433/cam", "127.0.0.1"),
            ("https://[::ffff:127.0.0.1]/", "::ffff:127.0.0.1"), ("rtmp://[fe80::1%251]/live/a", "fe80::1%1"), ("srt://127.1:9000", "127.0.0.1"),
            ("srt://169.254.169.254:9000?mode=caller", "169.254.169.254"), ("http://a@b@203.0.113.7/", "203.0.113.7"),
            ("http://localhost:8080/", "localhost"), ("http://LOCALHOST./", "LOCALHOST."), ("rtsp://cam.localhost/", "cam.localhost"),
        ]
        for (url, address) in refused {
            #expect(self.strict.refusal(ofURL: url, for: .source) == .addressNotAllowed(address), "\(url)")
        }
        for url in ["http://192.168.1.4/video", "rtsp://camera-1.lan:554/", "https://localhost.example.com/", "http://notlocalhost/"] {
            #expect(self.strict.refusal(ofURL: url, for: .source) == nil, "\(url)")
        }
        #expect(self.lenient.refusal(ofURL: "http://localhost:8080/", for: .duration) == nil)
        #expect(self.strict.refusal(ofURL: "http://", for: .duration) == .invalidURL)
    }

    @Test func listeningNeedsNobodysLeaveExceptOnLoopback() throws {
        for url in [
            "udp://:5000", "udp://0.0.0.0:5000", "udp://239.1.2.3:5000", "udp://@[ff02::1]:5000", "udp://203.0.113.7:5000",
            "srt://:9000?mode=listener",
        ] {
            #expect(self.strict.refusal(ofURL: url, for: .source) == nil, "\(url)")
        }
        for url in [
            "udp://127.0.0.1:5000", "udp://[::1]:5000", "udp://[::ffff:127.0.0.1]:1", "udp://localhost:5000", "srt://127.0.0.1:9000?mode=listener",
        ] {
            #expect(self.strict.refusal(ofURL: url, for: .source) != nil, "\(url)")
            #expect(self.lenient.refusal(ofURL: url, for: .source) == nil, "\(url)")
        }
        // Two readings of the mode: it is taken for the one that contacts somebody.
        #expect(self.strict.refusal(ofURL: "srt://0.0.0.0:9000?mode=caller&mode=listener", for: .source) == .addressNotAllowed("0.0.0.0"))
        #expect(try self.strict.resolve(SourceAddress("udp://239.1.2.3:5000")).map(\.ipAddress) == ["239.1.2.3"])
        #expect(try self.strict.resolve(SourceAddress("srt://:9000?mode=listener")).isEmpty)
        #expect(throws: AddressRefusal.addressNotAllowed("127.0.0.1")) { try self.strict.resolve(SourceAddress("udp://127.0.0.1:5000")) }
    }

    @Test func whatANameStandsForIsCheckedAfterTheLookup() throws {
        #expect(try self.lenient.resolve(host: "localhost", port: 80).isEmpty == false)
        #expect { try self.strict.resolve(host: "localhost", port: 80) } throws: { error in
            if case .addressNotAllowed? = error as? AddressRefusal { true } else { false }
        }
        #expect(throws: AddressRefusal.nameNotFound("nowhere.invalid")) { try self.strict.resolve(host: "nowhere.invalid", port: 80) }
        #expect(try self.strict.resolve(SourceAddress("rtsp://192.168.1.64/cam")).map { $0.plainText(withPort: true) } == ["192.168.1.64:554"])
    }

    @Test func refusalsSayWhatWasRefused() {
        #expect("\(AddressRefusal.schemeNotAllowed("file"))" == "addresses that begin with file: are not fetched")
        #expect("\(AddressRefusal.addressNotAllowed("127.0.0.1"))" == "127.0.0.1 may not be contacted")
        #expect("\(AddressRefusal.nameNotFound("cam.lan"))" == "no address found for cam.lan")
        #expect("\(AddressRefusal.invalidURL)" == "not a valid URL")
    }
}
