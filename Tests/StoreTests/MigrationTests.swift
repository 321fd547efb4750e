import Foundation
import GRDB
import Testing

@testable import Store

@Suite struct MigrationTests {
    /// The repository's `migrations/`, found from this file.
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("migrations")

    @Test func everyMigrationFileIsListedInOrder() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).filter { $0.hasSuffix(".sql") }.sorted()
        #expect(Migrations.all.map { $0.name + ".sql" } == files)
        for migration in Migrations.all {
            let file = try Data(contentsOf: Self.folder.appendingPathComponent(migration.name + ".sql"))
            #expect(Array(file) == migration.sql)
        }
    }

    private static func schema(_ db: GRDB.Database) throws -> [String] {
        try String.fetchAll(
            db, sql: "SELECT type || ' ' || name || ': ' || coalesce(sql, '') FROM sqlite_master WHERE name NOT LIKE 'grdb_%' ORDER BY 1")
    }

    /// Each older schema, with rows in it, ends up as a fresh one, rows kept.
    @Test func upgradedEqualsFresh() throws {
        let fresh = try DatabaseQueue()
        try Migrations.apply(to: fresh)
        let expected = try fresh.read(Self.schema)
        #expect(expected.contains { $0.hasPrefix("table broadcasts:") })
        for count in 1...Migrations.all.count {
            let old = try DatabaseQueue()
            try Migrations.apply(Array(Migrations.all.prefix(count)), to: old)
            try old.write { try Self.insertDataOfFirstSchema($0) }
            try Migrations.apply(to: old)
            #expect(try old.read(Self.schema) == expected)
            try old.read { db throws in
                #expect(try String.fetchAll(db, sql: "SELECT name FROM broadcasts") == ["kept"])
                #expect(try String.fetchAll(db, sql: "SELECT url FROM endpoints") == ["rtmp://h/a/k"])
                #expect(try Bool.fetchAll(db, sql: "SELECT enabled FROM endpoints") == [true])
                #expect(try String.fetchAll(db, sql: "SELECT file_path FROM vods") == ["streams/a.mp4"])
                #expect(try String.fetchAll(db, sql: "SELECT vod_id FROM recordings") == ["r"])
                #expect(try Int.fetchAll(db, sql: "SELECT source_wanted FROM broadcasts") == [0])
                #expect(try Int.fetchAll(db, sql: "SELECT planned_start_done FROM broadcasts") == [0])
                #expect(try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").isEmpty)
            }
        }
    }

    /// Literal SQL, so that it keeps telling what the first schema held when the code has moved on.
    private static func insertDataOfFirstSchema(_ db: GRDB.Database) throws {
        try db.execute(
            sql: """
                INSERT INTO broadcasts (id, id_folded, type, status, created_at, name, name_folded, publish, public_stream, is_360, virtual, seek_time,
                    auto_start_stop, play_list_loop, current_play_index, planned_start, planned_end, expire_duration, max_idle_time, subtracks_limit,
                    webrtc_viewer_limit, hls_viewer_limit, dash_viewer_limit, mp4, webm, started_at, updated_at, absolute_start, duration,
                    received_bytes, bitrate, speed, width, height, user_agent)
                VALUES ('a', 'a', 'liveStream', 'created', 1, 'kept', 'kept', 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0,
                    0, 0, 0, 0, 0, 'N/A');
                INSERT INTO endpoints (broadcast_seq, position, service_id, url, type, status, resolution_height)
                VALUES (1, 0, 'custom1', 'rtmp://h/a/k', 'generic', 'created', 0);
                INSERT INTO vods (id, name_folded, type, created_at, started_at, duration, file_size, file_path, process_started_at, process_ended_at,
                    search_text) VALUES ('v', '', 'streamVod', 1, 1, 1, 1, 'streams/a.mp4', 0, 0, '');
                INSERT INTO recordings (vod_id, stream_id, temporary_path, directory, base_name, format, started_at)
                VALUES ('r', 'a', '/d/a.mp4.tmp_extension', '/d', 'a', 'mp4', 1);
                """)
    }

    @Test func aDatabaseOfANewerVersionIsLeftAlone() throws {
        let scratch = try ScratchDatabase()
        try scratch.database.pool.write { db in try db.execute(sql: "INSERT INTO grdb_migrations VALUES ('m9999_future')") }
        try scratch.database.close()
        #expect(throws: StoreError.unusable("the database was written by a newer version of Martlet")) {
            try Database(configuration: .init(path: scratch.path))
        }
    }

    @Test func aFileThatIsNoDatabaseIsRefused() throws {
        let scratch = try ScratchDatabase()
        let path = scratch.directory.appendingPathComponent("notes.txt").path
        try Data(repeating: 0x41, count: 4096).write(to: URL(filePath: path))
        #expect(throws: StoreError.self) { try Database(configuration: .init(path: path)) }
        #expect(try Data(contentsOf: URL(filePath: path)).count == 4096)
    }

    @Test func connectionsAreSetUpForDurability() throws {
        let scratch = try ScratchDatabase(durability: .power)
        try scratch.database.pool.write { db throws in
            #expect(try String.fetchOne(db, sql: "PRAGMA journal_mode") == "wal")
            #expect(try Int.fetchOne(db, sql: "PRAGMA synchronous") == 2)
            #expect(try Int.fetchOne(db, sql: "PRAGMA foreign_keys") == 1)
        }
    }

    @Test func aCleanEndIsToldFromADeath() async throws {
        let scratch = try ScratchDatabase()
        #expect(try await scratch.database.boots.begin(now: 1) == Boot(number: 1, previousEndedCleanly: true))
        #expect(try await scratch.database.boots.begin(now: 2) == Boot(number: 2, previousEndedCleanly: false))
        try await scratch.database.boots.end()
        #expect(try await scratch.database.boots.begin(now: 3) == Boot(number: 3, previousEndedCleanly: true))
    }
}
