/// When playlists start and stop by plan. Times are seconds since 1970; each that is given is due once.
struct PlaylistSchedule {
    enum Order: Equatable {
        case start(String, planned: Int64)
        case stop(String)
    }

    private struct Plan {
        var start: Int64?
        var end: Int64?

        var next: Int64? { [self.start, self.end].compactMap { $0 }.min() }
    }

    private var plans: [String: Plan] = [:]

    /// Replaces what was planned for a playlist; times that are not in the future are no plans.
    mutating func set(_ id: String, start: Int64, end: Int64, now: Int64) {
        let plan = Plan(start: start > now ? start : nil, end: end > now ? end : nil)
        self.plans[id] = plan.next == nil ? nil : plan
    }

    mutating func remove(_ id: String) { self.plans[id] = nil }

    var nextDue: Int64? { self.plans.values.lazy.compactMap(\.next).min() }

    /// What is due by now, in order of time; a playlist whose end has come with its start is not started.
    mutating func due(at now: Int64) -> [Order] {
        var due: [(time: Int64, id: String, order: Order)] = []
        for (id, plan) in self.plans {
            guard let next = plan.next, next <= now else { continue }
            var rest = plan
            if let start = plan.start, start <= now {
                rest.start = nil
                if (plan.end ?? Int64.max) > now { due.append((start, id, .start(id, planned: start))) }
            }
            if let end = plan.end, end <= now {
                rest.end = nil
                due.append((end, id, .stop(id)))
            }
            self.plans[id] = rest.next == nil ? nil : rest
        }
        return due.sorted { ($0.time, $0.id) < ($1.time, $1.id) }.map(\.order)
    }

    /// How a planned start stands when the process starts.
    enum Missed: Equatable {
        /// It lies ahead, there is none, or it was seen to.
        case no
        case startLate
        case tooLate
    }

    static func missed(start: Int64, end: Int64, done: Int64, now: Int64, within: Int64) -> Missed {
        guard start > 0, start != done, start <= now else { return .no }
        guard end <= 0 || end > now, now - start <= within else { return .tooLate }
        return .startLate
    }
}
