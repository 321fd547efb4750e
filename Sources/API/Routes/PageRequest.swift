/// Which page is asked for, and in which order (contract 1.6).
struct PageRequest: Sendable {
    let offset: Int
    let size: Int
    /// Nil unless both `sort_by` and `order_by` are given.
    let sortBy: String?
    let descending: Bool

    /// `most`: items on a page.
    init(_ call: APICall, most: Int = 50) throws(APIFault) {
        self.offset = max(0, try call.integer("offset"))
        self.size = min(most, max(0, try call.integer("size")))
        let order = call.query["order_by"].flatMap { $0.isEmpty ? nil : $0 }
        self.sortBy = order == nil ? nil : call.query["sort_by"]
        self.descending = order?.lowercased() == "desc"
    }
}

/// Requests that name many ids (contract 1.5).
enum BulkRequest {
    /// Of a comma-separated list; empty parts are left out.
    static func ids(in text: String?) -> [String] {
        (text ?? "").split(separator: ",").map { part in
            String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }.filter { !$0.isEmpty }
    }

    static func result(failed: [String]) -> ResultDTO {
        ResultDTO(false, message: "Not deleted: " + failed.joined(separator: ","))
    }
}
