import HTTP
import NIOCore
import Synchronization
import Testing

@testable import API

@Suite struct DeliveryHealthTests {
    @Test func healthIsOpenAndReadinessFollowsItsHook() async throws {
        let isReady = Mutex(false)
        try await DeliveryFixture.run(.init(isReady: { isReady.withLock { $0 } })) { fixture in
            #expect(fixture.ask("/healthz")?.status == 200)
            #expect(fixture.ask("/liveness")?.status == 200)
            #expect(fixture.ask("/healthz", .head)?.status == 200)
            #expect(fixture.ask("/readyz")?.status == 503)
            isReady.withLock { $0 = true }
            #expect(fixture.ask("/readyz")?.status == 200)
            #expect(fixture.ask("/readyz", .other("POST"))?.status == 405)
        }
    }

    @Test func metricsAreForThoseTheHookAllows() async throws {
        let isAllowed = Mutex(false)
        let hooks = DeliveryResponder.Hooks(
            metrics: { ByteBuffer(string: "martlet_up 1\n") },
            allowMetrics: { request in request.remoteAddress == "198.51.100.1" && isAllowed.withLock { $0 } })
        try await DeliveryFixture.run(hooks) { fixture in
            #expect(fixture.ask("/metrics")?.status == 403)
            isAllowed.withLock { $0 = true }
            let response = try #require(fixture.ask("/metrics"))
            #expect(response.text == "martlet_up 1\n")
            #expect(response.header("Content-Type")?.hasPrefix("text/plain; version=0.0.4") == true)
        }
    }

    @Test func withoutMetricsThePathIsTheRouters() async throws {
        try await DeliveryFixture.run { fixture in
            #expect(fixture.ask("/metrics") == nil)
        }
    }
}
