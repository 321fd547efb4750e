/// Which broadcasts a page shows, and in which order.
public struct BroadcastQuery: Sendable, Equatable {
    public enum Order: String, Sendable, CaseIterable {
        /// Without regard to case; no name sorts first.
        case name
        /// Of creation.
        case date
        /// By its text, as last written.
        case status
    }

    /// Exact.
    public var type: String?
    /// Part of the name or the id, without regard to case; nil or empty for all.
    public var search: String?
    /// Nil is the order of creation.
    public var order: Order?
    public var descending: Bool
    public var offset: Int
    public var limit: Int

    public init(type: String? = nil, search: String? = nil, order: Order? = nil, descending: Bool = false, offset: Int, limit: Int) {
        self.type = type
        self.search = search
        self.order = order
        self.descending = descending
        self.offset = offset
        self.limit = limit
    }

    var needle: String? {
        guard let search, !search.isEmpty else { return nil }
        return folded(search)
    }

    /// Selects the page's `seq`s in order. Each variant names the index that serves it, so that a plan can never turn into a scan of whole rows
    /// unnoticed: SQLite refuses the statement instead. Placeholders in order: type, needle twice, limit, offset.
    var sql: String {
        let index: String
        switch (self.needle, self.type, self.order) {
        case (.some, _, _), (nil, nil, nil): index = "broadcasts_search"
        case (nil, .some, nil): index = "broadcasts_by_type"
        case (nil, nil, .name): index = "broadcasts_by_name"
        case (nil, nil, .date): index = "broadcasts_by_date"
        case (nil, nil, .status): index = "broadcasts_by_status"
        case (nil, .some, .name): index = "broadcasts_by_type_name"
        case (nil, .some, .date): index = "broadcasts_by_type_date"
        case (nil, .some, .status): index = "broadcasts_by_type_status"
        }
        let conditions = Self.conditions(type: self.type != nil, search: self.needle != nil)
        let direction = self.descending ? " DESC" : ""
        let column =
            switch self.order {
            case .name: "name_folded\(direction), "
            case .date: "created_at\(direction), "
            case .status: "status\(direction), "
            case nil: ""
            }
        let last = self.order == nil ? "seq" : "seq\(direction)"
        return "SELECT seq FROM broadcasts INDEXED BY \(index)\(conditions) ORDER BY \(column)\(last) LIMIT ? OFFSET ?"
    }

    static func conditions(type: Bool, search: Bool) -> String {
        var conditions: [String] = []
        if type { conditions.append("type = ?") }
        if search { conditions.append("(instr(name_folded, ?) > 0 OR instr(id_folded, ?) > 0)") }
        return conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
    }
}
