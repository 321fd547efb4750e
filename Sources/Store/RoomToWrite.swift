import GRDB

/// Disk space that the database takes while there is some, so that small changes still fit when recordings and segments have filled the disk:
/// the row of a recording that has just ended for that very reason, above all.
///
/// A table of that size is written and dropped at every start. Its pages stay in the file, free for rows, and in the write-ahead log, which is written
/// over from its beginning after each checkpoint; checkpoints come early enough for the log not to outgrow what it has.
enum RoomToWrite {
    /// Bytes of each of the two files.
    static let bytes = 1 << 20
    /// Pages of 4 KiB in the log before it is checkpointed: a quarter of its room.
    private static let checkpointPages = 64

    static func take(in db: GRDB.Database) throws {
        try db.execute(sql: "PRAGMA wal_autocheckpoint = \(Self.checkpointPages)")
        do {
            try db.inTransaction {
                try db.execute(sql: "CREATE TABLE room_to_write (filler BLOB)")
                try db.execute(sql: "INSERT INTO room_to_write VALUES (zeroblob(?))", arguments: [Self.bytes])
                return .commit
            }
            try db.execute(sql: "DROP TABLE room_to_write")
            try db.execute(sql: "PRAGMA wal_checkpoint(RESTART)")
        } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {
            // The disk is full already; what there is has to do, and the next start tries again.
            return
        }
    }
}
