import Synchronization
import Testing

@testable import Outputs

@Suite struct DestinationURLRegistryTests {
    /// Keeps the leases that were granted, by the name of who asked.
    private final class Grants: Sendable {
        private let leases = Mutex<[(String, DestinationURLRegistry.Lease)]>([])
        var names: [String] { self.leases.withLock { $0.map(\.0) } }
        func take(_ name: String) -> @Sendable (DestinationURLRegistry.Lease) -> Void {
            { lease in self.leases.withLock { $0.append((name, lease)) } }
        }
        func release(_ name: String) {
            let found = self.leases.withLock { leases in leases.first { $0.0 == name }?.1 }
            found?.release()
        }
    }

    @Test func theSecondSessionToAURLWaitsForTheFirst() {
        let registry = DestinationURLRegistry()
        let grants = Grants()
        _ = registry.acquire("a", grant: grants.take("first"))
        _ = registry.acquire("a", grant: grants.take("second"))
        _ = registry.acquire("b", grant: grants.take("other"))
        #expect(grants.names == ["first", "other"])
        grants.release("first")
        #expect(grants.names == ["first", "other", "second"])
        grants.release("second")
        grants.release("other")
        #expect(registry.openCount == 0)
    }

    @Test func releasingTwiceGivesTheURLToOneOnly() {
        let registry = DestinationURLRegistry()
        let grants = Grants()
        for name in ["first", "second", "third"] { _ = registry.acquire("a", grant: grants.take(name)) }
        grants.release("first")
        grants.release("first")
        #expect(grants.names == ["first", "second"])
    }

    @Test func whoStoppedWaitingIsPassedOver() {
        let registry = DestinationURLRegistry()
        let grants = Grants()
        _ = registry.acquire("a", grant: grants.take("first"))
        let ticket = registry.acquire("a", grant: grants.take("second"))
        _ = registry.acquire("a", grant: grants.take("third"))
        registry.cancel(ticket)
        grants.release("first")
        #expect(grants.names == ["first", "third"])
    }

    @Test func aURLIsWantedWhenSomebodyWithAStreamWaitsForIt() {
        let registry = DestinationURLRegistry()
        let grants = Grants()
        _ = registry.acquire("a", grant: grants.take("first"))
        #expect(!registry.isWanted("a"), "it has it")
        let ticket = registry.acquire("a", isLive: false, grant: grants.take("second"))
        #expect(!registry.isWanted("a"))
        registry.update(ticket, isLive: true)
        #expect(registry.isWanted("a") && !registry.isWanted("b"))
        registry.update(ticket, isLive: false)
        #expect(!registry.isWanted("a"))
        registry.update(ticket, isLive: true)
        registry.cancel(ticket)
        #expect(!registry.isWanted("a"))
    }

    @Test func aLeaseThatIsForgottenIsGivenBack() {
        let registry = DestinationURLRegistry()
        _ = registry.acquire("a") { _ in }
        #expect(registry.openCount == 0)
    }
}
