import Foundation
import GRDB

/// One column of a table: its name, and the way between it and a member of the record. The list of a table's columns is the only place that
/// knows their order.
struct StoredColumn<Record>: Sendable {
    let name: String
    /// Nil for columns that are only derived from others, for searching and sorting.
    let read: (@Sendable (inout Record, Row, Int) throws -> Void)?
    let write: @Sendable (Record) throws -> DatabaseValue

    init<Value: DatabaseValueConvertible & SendableMetatype>(_ name: String, _ path: any (WritableKeyPath<Record, Value> & Sendable)) {
        self.name = name
        self.read = { record, row, index in record[keyPath: path] = try row.decode(Value.self, atIndex: index) }
        self.write = { $0[keyPath: path].databaseValue }
    }

    init<Value: DatabaseValueConvertible & SendableMetatype>(_ name: String, _ path: any (WritableKeyPath<Record, Value?> & Sendable)) {
        self.name = name
        self.read = { record, row, index in record[keyPath: path] = try row.decode(Value?.self, atIndex: index) }
        self.write = { $0[keyPath: path]?.databaseValue ?? .null }
    }

    /// A value kept as the text it stands for.
    init<Value: RawRepresentable & SendableMetatype>(
        text name: String, _ path: any (WritableKeyPath<Record, Value> & Sendable)
    ) where Value.RawValue == String {
        self.name = name
        self.read = { record, row, index in
            let text = try row.decode(String.self, atIndex: index)
            guard let value = Value(rawValue: text) else { throw StoreError.unusable("\(name) holds \(text)") }
            record[keyPath: path] = value
        }
        self.write = { $0[keyPath: path].rawValue.databaseValue }
    }

    /// A column derived from the record when it is written.
    init(derived name: String, _ value: @escaping @Sendable (Record) -> String) {
        self.name = name
        self.read = nil
        self.write = { value($0).databaseValue }
    }

    /// A value kept as JSON text; NULL for nil.
    init<Value: Codable & SendableMetatype>(json name: String, _ path: any (WritableKeyPath<Record, Value?> & Sendable)) {
        self.name = name
        self.read = { record, row, index in
            let text = try row.decode(String?.self, atIndex: index)
            record[keyPath: path] = try text.map { try JSONDecoder().decode(Value.self, from: Data($0.utf8)) }
        }
        self.write = { record in
            guard let value = record[keyPath: path] else { return .null }
            return String(decoding: try JSONEncoder().encode(value), as: UTF8.self).databaseValue
        }
    }
}

/// The statements of a table, made once from its columns.
struct TableStatements<Record>: Sendable {
    let columns: [StoredColumn<Record>]
    private let readable: [StoredColumn<Record>]
    /// `a, b, c`: what `record(from:)` expects, in this order.
    let selection: String
    let insert: String
    /// `a = ?, b = ?`, in the order of `arguments(of:)`.
    let assignments: String

    init(table: String, columns: [StoredColumn<Record>]) {
        self.columns = columns
        self.readable = columns.filter { $0.read != nil }
        self.selection = self.readable.map(\.name).joined(separator: ", ")
        let names = columns.map(\.name).joined(separator: ", ")
        let marks = columns.map { _ in "?" }.joined(separator: ", ")
        self.insert = "INSERT INTO \(table) (\(names)) VALUES (\(marks))"
        self.assignments = columns.map { "\($0.name) = ?" }.joined(separator: ", ")
    }

    func arguments(of record: Record) throws -> [DatabaseValue] { try self.columns.map { try $0.write(record) } }

    /// Fills `record` from a row that was selected with `selection`, which may be followed by further columns.
    func fill(_ record: inout Record, from row: Row) throws {
        for (index, column) in self.readable.enumerated() { try column.read?(&record, row, index) }
    }
}

extension Statement {
    /// What `body` makes of the first row. The row is only valid inside: it reads from the statement.
    func first<Value>(_ arguments: StatementArguments, _ body: (Row) throws -> Value) throws -> Value? {
        let rows = try Row.fetchCursor(self, arguments: arguments)
        return try withExtendedLifetime(rows) { try rows.next().map(body) }
    }
}

/// The form in which text is compared without regard to case.
func folded(_ text: String?) -> String { text?.lowercased() ?? "" }
