import GRDB

/// Why the database did not do what it was asked.
public enum StoreError: Error, Sendable, Equatable {
    /// A row with this key is there already.
    case duplicate
    /// The disk holding the database is full.
    case diskFull
    /// The caller was cancelled before the change was made; nothing was changed.
    case cancelled
    /// The file is not a database of ours, or of a newer version.
    case unusable(String)
    /// What SQLite said.
    case failed(String)

    init(_ error: any Error) {
        switch error {
        case let error as StoreError:
            self = error
        case is CancellationError:
            self = .cancelled
        case let error as DatabaseError:
            switch error.resultCode {
            case .SQLITE_CONSTRAINT where [.SQLITE_CONSTRAINT_UNIQUE, .SQLITE_CONSTRAINT_PRIMARYKEY].contains(error.extendedResultCode):
                self = .duplicate
            case .SQLITE_FULL: self = .diskFull
            case .SQLITE_NOTADB, .SQLITE_CORRUPT: self = .unusable(error.message ?? "not a database")
            case .SQLITE_INTERRUPT, .SQLITE_ABORT: self = .cancelled
            default: self = .failed("\(error.resultCode): \(error.message ?? "no message")")
            }
        default:
            self = .failed("\(error)")
        }
    }
}
