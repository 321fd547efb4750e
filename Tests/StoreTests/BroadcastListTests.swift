import GRDB
import Testing

@testable import Store

@Suite struct BroadcastListTests {
    let scratch: ScratchDatabase
    var table: BroadcastTable { self.scratch.database.broadcasts }

    init() async throws {
        self.scratch = try ScratchDatabase()
        // id, name, type, status, created
        let rows: [(String, String?, BroadcastType, BroadcastStatus, Int64)] = [
            ("id1", "beta", .liveStream, .finished, 50),
            ("id2", "Alpha", .ipCamera, .created, 40),
            ("ID3", nil, .liveStream, .broadcasting, 30),
            ("xyz", "ÄRGER", .vod, .created, 20),
            ("100%", "gamma_1", .liveStream, .created, 10),
        ]
        try await self.table.insert(
            all: rows.map { row in
                var record = BroadcastRecord(id: row.0, type: row.2, createdAt: row.4)
                record.about.name = row.1
                record.status = row.3
                return record
            })
    }

    private func ids(_ query: BroadcastQuery) throws -> [String] { try self.table.list(query).map(\.id) }

    @Test func pagesFollowTheOrderOfCreation() throws {
        #expect(try self.ids(.init(offset: 0, limit: 2)) == ["id1", "id2"])
        #expect(try self.ids(.init(offset: 3, limit: 50)) == ["xyz", "100%"])
        #expect(try self.ids(.init(offset: -7, limit: 1)) == ["id1"])
        #expect(try self.ids(.init(offset: 5, limit: 50)) == [])
        #expect(try self.ids(.init(offset: Int.max, limit: 50)) == [])
        #expect(try self.ids(.init(offset: 0, limit: 0)) == [])
        #expect(try self.ids(.init(offset: 0, limit: -1)) == [])
    }

    @Test(arguments: [
        (BroadcastQuery.Order.name, false, ["ID3", "id2", "id1", "100%", "xyz"]),
        (.name, true, ["xyz", "100%", "id1", "id2", "ID3"]),
        (.date, false, ["100%", "xyz", "ID3", "id2", "id1"]),
        (.date, true, ["id1", "id2", "ID3", "xyz", "100%"]),
        (.status, false, ["ID3", "id2", "xyz", "100%", "id1"]),
        (.status, true, ["id1", "100%", "xyz", "id2", "ID3"]),
    ]) func everyOrderSorts(order: BroadcastQuery.Order, descending: Bool, expected: [String]) throws {
        #expect(try self.ids(.init(order: order, descending: descending, offset: 0, limit: 50)) == expected)
    }

    @Test(arguments: [
        ("ALPHA", ["id2"]), ("id", ["id1", "id2", "ID3"]), ("ärger", ["xyz"]), ("a", ["id1", "id2", "100%"]), ("%", ["100%"]), ("_", ["100%"]),
        ("", ["id1", "id2", "ID3", "xyz", "100%"]), ("nothing", []), ("'", []),
    ]) func searchFindsPartsOfNamesAndIdsWithoutRegardToCase(search: String, expected: [String]) throws {
        #expect(try self.ids(.init(search: search, offset: 0, limit: 50)) == expected)
        #expect(try self.table.count(search: search) == expected.count)
    }

    @Test func filtersCombineBeforePaging() throws {
        #expect(try self.ids(.init(type: "liveStream", offset: 1, limit: 50)) == ["ID3", "100%"])
        #expect(try self.ids(.init(type: "livestream", offset: 0, limit: 50)) == [])
        #expect(try self.ids(.init(type: "liveStream", search: "A", order: .name, descending: true, offset: 0, limit: 50)) == ["100%", "id1"])
        #expect(try self.ids(.init(type: "liveStream", search: "A", order: .name, descending: true, offset: 1, limit: 1)) == ["id1"])
        #expect(try self.table.count(type: "liveStream", search: "id") == 2)
        #expect(try self.table.count(type: "liveStream") == 3)
        #expect(try self.table.count() == 5)
    }

    @Test func noHotQueryScansWholeRows() throws {
        var queries: [BroadcastQuery] = []
        for type in [nil, "liveStream"] {
            for search in [nil, "x"] {
                for order in [nil] + BroadcastQuery.Order.allCases.map(Optional.some) {
                    for descending in [false, true] {
                        queries.append(.init(type: type, search: search, order: order, descending: descending, offset: 0, limit: 50))
                    }
                }
            }
        }
        try self.scratch.database.pool.read { db in
            for query in queries {
                let plan = try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN \(query.sql)", arguments: Self.arguments(query)).map {
                    $0["detail"] as String
                }
                #expect(plan.first?.contains("USING COVERING INDEX broadcasts_") == true, "\(query): \(plan)")
                // Sorting is left to the index, except for matches of a search.
                if query.search == nil { #expect(plan.count == 1, "\(query): \(plan)") }
            }
            let find = try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN \(BroadcastTable.findSQL)", arguments: ["x"]).map { $0["detail"] as String }
            #expect(find == ["SEARCH broadcasts USING INDEX sqlite_autoindex_broadcasts_1 (id=?)"])
        }
    }

    private static func arguments(_ query: BroadcastQuery) -> StatementArguments {
        var arguments: [any DatabaseValueConvertible] = []
        if let type = query.type { arguments.append(type) }
        if let search = query.search { arguments += [search, search] }
        return StatementArguments(arguments + [query.limit, query.offset])
    }
}
