import NIOCore
import NIOPosix
import Testing

@testable import Outputs

@Suite(.timeLimit(.minutes(1))) struct DestinationNetworkTests {
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

    @Test func aNameNobodyKnowsFails() async {
        await #expect {
            try await self.route(DestinationNetwork(), "nowhere.invalid").get()
        } throws: {
            "\($0)".hasPrefix("name lookup: ")
        }
    }
}
