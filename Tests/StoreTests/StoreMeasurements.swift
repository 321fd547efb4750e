import Foundation
import Store
import Testing

/// Prints how long the hot queries take with 10,000 broadcasts. It asserts what they answer, never how fast: the machine is shared.
@Suite struct StoreMeasurements {
    @Test func tenThousandBroadcasts() async throws {
        let scratch = try ScratchDatabase()
        let table = scratch.database.broadcasts
        let types: [BroadcastType] = [.liveStream, .ipCamera, .streamSource, .vod, .playlist]
        try await table.insert(
            all: (0..<10_000).map { number in
                var record = BroadcastRecord(id: "stream-\(number)", type: types[number % 5], createdAt: Int64(1_000_000 - number))
                record.about.name = "Camera in the hall number \((number * 7919) % 10_000)"
                record.about.description = String(repeating: "a long description ", count: 20)
                if number % 10 == 0 { record.endpoints = [EndpointRecord(serviceID: "custom", url: "rtmp://host/live/\(number)")] }
                return record
            })
        var lines: [String] = []
        func measure(_ what: String, rounds: Int = 20, _ body: () throws -> Int) rethrows -> Int {
            var last = 0
            let clock = ContinuousClock()
            var best = Duration.seconds(60)
            for _ in 0..<rounds { best = min(best, try clock.measure { last = try body() }) }
            lines.append("\(what): \(best)")
            return last
        }
        #expect(try measure("get") { try table.find("stream-9999") == nil ? 0 : 1 } == 1)
        #expect(try measure("list 0/50") { try table.list(.init(offset: 0, limit: 50)).count } == 50)
        #expect(try measure("list 9950/50") { try table.list(.init(offset: 9_950, limit: 50)).count } == 50)
        #expect(try measure("list by name, 5000/50") { try table.list(.init(order: .name, offset: 5_000, limit: 50)).count } == 50)
        #expect(
            try measure("list by type and status, descending") {
                try table.list(.init(type: "VoD", order: .status, descending: true, offset: 100, limit: 50)).count
            } == 50)
        #expect(try measure("search, rare") { try table.list(.init(search: "NUMBER 123", offset: 0, limit: 50)).count } == 11)
        #expect(try measure("search, everything, by name") { try table.list(.init(search: "hall", order: .name, offset: 0, limit: 50)).count } == 50)
        #expect(try measure("search, nothing") { try table.list(.init(search: "nowhere", offset: 0, limit: 50)).count } == 0)
        #expect(try measure("count") { try table.count() } == 10_000)
        #expect(try measure("count/{search}") { try table.count(search: "hall") } == 10_000)
        print("10,000 broadcasts, best of 20:\n  " + lines.joined(separator: "\n  "))
    }
}
