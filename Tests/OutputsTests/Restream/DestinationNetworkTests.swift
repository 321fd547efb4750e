import Foundation
import NIOCore
import NIOPosix
import TestSupport
import Testing

@testable import Outputs

@Suite(.againstHanging) struct DestinationNetworkTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    private func route(_ network: DestinationNetwork, _ host: String) -> EventLoopFuture<DestinationNetwork.Route> {
        network.route(host: host, port: 1935, isSecure: false, on: self.loop)
    }

    @Test func addressesAreTheirOwnAnswer() async throws {
        let network = DestinationNetwork()
        #expect(try await self.route(network, "127.0.0.1").get().addresses == [SocketAddress(ipAddress: "127.0.0.1", port: 1935)])
        #expect(try await self.route(network, "::1").get().addresses == [SocketAddress(ipAddress: "::1", port: 1935)])
    }

    @Test func moreLookupsThanThreadsAreAllAnswered() async throws {
        let network = DestinationNetwork()
        let routes = (1...250).map { self.route(network, "127.0.0.\($0)") }
        for (index, route) in routes.enumerated() {
            #expect(try await route.get().addresses.first?.ipAddress == "127.0.0.\(index + 1)")
        }
    }

    @Test func certificatesThatCannotBeReadAreNoticedBeforeTheyAreNeeded() throws {
        try DestinationNetwork().checkTrustRoots()
        #expect(throws: DestinationNetwork.UnusableTrustRoots.self) { try DestinationNetwork(trustRoots: "/nowhere/roots.pem").checkTrustRoots() }
        let folder = try TestFolder("roots")
        try Data("not PEM".utf8).write(to: URL(fileURLWithPath: folder.path("roots.pem")))
        #expect(throws: DestinationNetwork.UnusableTrustRoots.self) { try DestinationNetwork(trustRoots: folder.path("roots.pem")).checkTrustRoots() }
        let made = [
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder.path("key.pem"), "-out",
            folder.path("good.pem"), "-days", "2", "-subj", "/CN=test",
        ]
        try Tool.output(of: "openssl", made)
        try DestinationNetwork(trustRoots: folder.path("good.pem")).checkTrustRoots()
    }

    @Test func aNameNobodyKnowsFails() async {
        await #expect {
            try await self.route(DestinationNetwork(), "nowhere.invalid").get()
        } throws: {
            "\($0)".hasPrefix("name lookup: ")
        }
    }
}
